//! What a model knows about the sets of a recipe.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use serde_json::{Value, json};
use vlp_augment::{Image, Normalization, read_regular, recipes};
use vlp_core::Embedder;
use vlp_data::{Annotation, Damage, Dataset, HostImages, HostTokens, Tokenizer};
use vlp_encoders::ImageEncoderConfig;
use vlp_eval::{
    Embeddings, HeadEmbeddings, Knn, Positives, Report, accuracy, class_embeddings, embed_images, embed_texts, prompts,
    retrieval, zero_shot,
};
use vlp_methods::MethodConfig;
use vlp_trainer::{Control, Event, Hook, HookError};

use super::evaluation::Shown;
use super::{Evaluation, MethodOf, Run, RunError, samples};
use crate::recipe::{EvalSetRecipe, Recipe};

/// Pictures or captions that a model sees at once.
const BATCH: usize = 256;
/// Share of the weak head in the mixture of both; fixed beforehand, not chosen on test pictures.
const WEAK_SHARE: f32 = 0.5;

/// The sets of a recipe, open, with what a model needs to read them.
pub(super) struct Evaluator {
    sets: Vec<(EvalSetRecipe, Arc<Dataset>)>,
    /// Training pictures, where a set is measured by its nearest ones.
    bank: Option<Arc<Dataset>>,
    tokenizer: Arc<dyn Tokenizer>,
    normalization: Normalization,
    size: usize,
    device: Device,
    workers: usize,
}

/// A set as a model sees it.
struct Seen {
    annotations: Vec<Annotation>,
    /// Index in the data set of each row.
    samples: Vec<usize>,
    images: HeadEmbeddings,
}

impl Evaluator {
    /// Opens the recipe's sets; `train` saves opening the training samples a second time.
    pub(super) fn open<M: MethodConfig, I: ImageEncoderConfig>(
        recipe: &Recipe<M, I>,
        train: Option<(Arc<Dataset>, Option<Arc<Dataset>>)>,
        tokenizer: Arc<dyn Tokenizer>,
        device: &Device,
        workers: usize,
    ) -> Result<Self, RunError> {
        let wanted = &recipe.eval.sets;
        let held_out = wanted.is_empty() && recipe.data.validation.is_some();
        if wanted.is_empty() && !held_out {
            return Err(RunError::NothingToEvaluate);
        }
        let needs_bank = wanted.iter().any(|set| set.knn.is_some());
        let (train, validation) = match train {
            Some(open) => (Some(open.0), open.1),
            None if needs_bank || held_out => {
                let (train, validation) = samples::open(&recipe.data)?;
                (Some(train), validation)
            }
            None => (None, None),
        };
        let mut sets = Vec::new();
        for set in wanted {
            sets.push((set.clone(), Arc::new(set.source.open()?)));
        }
        if let (true, Some(validation)) = (held_out, validation) {
            let set = EvalSetRecipe {
                name: "held out".to_owned(),
                source: recipe.data.train[0].clone(),
                retrieval: true,
                zero_shot: None,
                knn: None,
            };
            sets.push((set, validation));
        }
        Ok(Evaluator {
            sets,
            bank: train.filter(|_| needs_bank),
            tokenizer,
            normalization: recipe.normalization.statistics(),
            size: recipe.views.size,
            device: device.clone().without_autodiff(),
            workers,
        })
    }

    /// Measures a model that is on a device without autodiff. One without a text encoder is measured by its pictures' neighbours.
    pub(super) fn measure<E: Embedder>(&self, model: &E) -> Result<Evaluation, RunError> {
        let bank = self.bank.as_ref().map(|bank| self.see(model, bank)).transpose()?;
        let seen = self.sets.iter().map(|(_, set)| self.see(model, set)).collect::<Result<Vec<_>, _>>()?;
        let captions: Vec<_> = seen.iter().map(Captions::of).collect();
        let read = |all: &Captions| model.embeds_texts().then(|| self.read(model, &all.distinct)).transpose();
        let texts = captions.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut classes = Vec::new();
        for ((set, _), seen) in self.sets.iter().zip(&seen) {
            classes.push(match set.zero_shot.as_ref().filter(|_| model.embeds_texts()) {
                None => None,
                Some(recipe) => {
                    let labels = labels(set, seen, &recipe.field)?;
                    let (names, class_of) = numbered(&labels.values);
                    let (prompts, class_of_prompt) = prompts(&names, &recipe.templates)?;
                    Some((labels.rows, class_of, self.read(model, &prompts)?, class_of_prompt))
                }
            });
        }

        let heads = heads(&seen[0].images);
        let mut reports = Vec::new();
        for head in &heads {
            let mut report = Report::new(head.name);
            for (index, (set, _)) in self.sets.iter().enumerate() {
                let images = head.of(&seen[index].images)?;
                if let Some(texts) = texts[index].as_ref().filter(|_| set.retrieval) {
                    let texts = head.of(texts)?;
                    let all: Vec<usize> = (0..texts.len()).collect();
                    let found = retrieval(&images, &texts, &Positives::by_group(&captions[index].of, &all)?)?;
                    report.retrieval(&format!("{}, picture to caption", set.name), &found, &[1, 5, 10]);
                    let found = retrieval(&texts, &images, &Positives::by_group(&all, &captions[index].of)?)?;
                    report.retrieval(&format!("{}, caption to picture", set.name), &found, &[1, 5, 10]);
                }
                if let Some((rows, class_of, prompts, class_of_prompt)) = &classes[index] {
                    let classifier = class_embeddings(&head.of(prompts)?, class_of_prompt)?;
                    let found = zero_shot(&images.select(rows)?, &classifier, class_of)?;
                    report.zero_shot(&format!("{}, zero-shot", set.name), &found);
                }
            }
            if let Some(bank) = &bank {
                self.nearest(head, bank, &seen, &mut report)?;
            }
            reports.push(report);
        }
        let shown = self.shown(heads.last(), seen, captions, texts)?;
        Ok(Evaluation { reports, shown })
    }

    /// Classification by the nearest training pictures. Classes are numbered over all sets that share a field.
    fn nearest(&self, head: &Head, bank: &Seen, seen: &[Seen], report: &mut Report) -> Result<(), RunError> {
        for (index, (set, _)) in self.sets.iter().enumerate() {
            let Some(recipe) = &set.knn else { continue };
            let bank_labels = labels(set, bank, &recipe.field)?;
            let sharing = self.sets.iter().zip(seen);
            let sharing =
                sharing.filter(|((other, _), _)| other.knn.as_ref().is_some_and(|knn| knn.field == recipe.field));
            let all =
                sharing.map(|((set, _), seen)| labels(set, seen, &recipe.field)).collect::<Result<Vec<_>, _>>()?;
            let values = bank_labels.values.iter().chain(all.iter().flat_map(|labels| &labels.values));
            let (names, _) = numbered(&values.copied().collect::<Vec<_>>());
            let number: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
            let numbers = |labels: &Labels<'_>| labels.values.iter().map(|value| number[value]).collect::<Vec<_>>();
            let own = labels(set, &seen[index], &recipe.field)?;
            let knn = Knn { k: recipe.k, temperature: recipe.temperature as _ };
            let pictures = head.of(&bank.images)?.select(&bank_labels.rows)?;
            let queries = head.of(&seen[index].images)?.select(&own.rows)?;
            let share = accuracy(&knn.predict(&pictures, &numbers(&bank_labels), &queries)?, &numbers(&own))?;
            let title = format!("{}, kNN into {} {}s", set.name, names.len(), recipe.field);
            report.share(title, share, Some(1.0 / names.len() as f64));
        }
        Ok(())
    }

    /// What the pictures show: the last set that is searched by captions, by the last head.
    fn shown(
        &self,
        head: Option<&Head>,
        seen: Vec<Seen>,
        captions: Vec<Captions>,
        texts: Vec<Option<HeadEmbeddings>>,
    ) -> Result<Option<Shown>, RunError> {
        let Some(head) = head else { return Ok(None) };
        let mut parts = self.sets.iter().zip(seen).zip(captions).zip(texts);
        let searched = parts.rfind(|(((set, _), _), _)| set.0.retrieval);
        let Some(((((set, dataset), seen), captions), Some(texts))) = searched else { return Ok(None) };
        Ok(Some(Shown {
            name: set.name.clone(),
            dataset: dataset.clone(),
            samples: seen.samples,
            captions: captions.distinct,
            caption_of: captions.of,
            images: head.of(&seen.images)?,
            texts: head.of(&texts)?,
        }))
    }

    /// Embeds the pictures of a set, a batch in memory at a time.
    fn see<E: Embedder>(&self, model: &E, dataset: &Arc<Dataset>) -> Result<Seen, RunError> {
        let mut pass = dataset.pass(recipes::eval(self.size), self.workers)?;
        let (mut annotations, mut samples, mut skipped, mut failed) = (Vec::new(), Vec::new(), 0, None);
        let batches = std::iter::from_fn(|| {
            let mut batch: Vec<Image> = Vec::new();
            while batch.len() < BATCH {
                match pass.next() {
                    Some(Ok(sample)) => {
                        batch.push(sample.image);
                        samples.push(sample.index);
                        annotations.push(sample.annotation);
                    }
                    // Not damaged: not read.
                    Some(Err(Damage::Unreachable(unreachable))) => {
                        failed = Some(RunError::Unreachable(unreachable));
                        return None;
                    }
                    Some(Err(_)) => skipped += 1,
                    None => break,
                }
            }
            if batch.is_empty() {
                return None;
            }
            match HostImages::collate(&batch) {
                Ok(images) => Some(images.into_tensor(&self.device, &self.normalization)),
                Err(error) => {
                    failed = Some(error.into());
                    None
                }
            }
        });
        let images = embed_images(model, batches);
        if let Some(error) = failed {
            return Err(error);
        }
        if skipped > 0 {
            eprintln!("warning: {skipped} damaged samples left out of the evaluation");
        }
        Ok(Seen { annotations, samples, images: images? })
    }

    /// Embeds texts.
    fn read<E: Embedder>(&self, model: &E, texts: &[String]) -> Result<HeadEmbeddings, RunError> {
        let batch = |chunk: &[String]| {
            HostTokens::encode(self.tokenizer.as_ref(), chunk.iter().map(String::as_str)).into_tensor(&self.device)
        };
        Ok(embed_texts(model, texts.chunks(BATCH).map(batch))?)
    }
}

/// The distinct captions of a set, and the number of each sample's.
struct Captions {
    distinct: Vec<String>,
    of: Vec<usize>,
}

impl Captions {
    fn of(seen: &Seen) -> Self {
        let values: Vec<&str> = seen.annotations.iter().map(|sample| sample.caption.as_str()).collect();
        let (distinct, of) = numbered(&values);
        Captions { distinct: distinct.into_iter().map(str::to_owned).collect(), of }
    }
}

/// A field's values, and the rows that have one.
struct Labels<'a> {
    rows: Vec<usize>,
    values: Vec<&'a str>,
}

fn labels<'a>(set: &EvalSetRecipe, seen: &'a Seen, field: &str) -> Result<Labels<'a>, RunError> {
    let found = seen.annotations.iter().enumerate().filter_map(|(row, a)| Some((row, a.metadata.text(field)?)));
    let (rows, values): (Vec<_>, Vec<_>) = found.unzip();
    if rows.is_empty() {
        let known: Vec<String> =
            seen.annotations.first().map(|a| a.metadata.fields().keys().cloned().collect()).unwrap_or_default();
        return Err(RunError::Field {
            set: set.name.clone(),
            sample: "every sample".to_owned(),
            field: field.to_owned(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        });
    }
    Ok(Labels { rows, values })
}

/// Distinct values in order of first appearance, and the number of each sample's value among them.
fn numbered<'a>(values: &[&'a str]) -> (Vec<&'a str>, Vec<usize>) {
    let (mut names, mut known) = (Vec::new(), BTreeMap::new());
    let number = |&value: &&'a str| {
        *known.entry(value).or_insert_with(|| {
            names.push(value);
            names.len() - 1
        })
    };
    let numbers = values.iter().map(number).collect();
    (names, numbers)
}

/// One way to read the embeddings.
struct Head {
    name: &'static str,
    weight: Option<f32>,
}

/// The heads a model has; the last one is what the pictures show.
fn heads(any: &HeadEmbeddings) -> Vec<Head> {
    let head = |name, weight| Head { name, weight };
    match any.strong {
        None => vec![head("one head", None)],
        Some(_) => {
            vec![head("weak head", Some(1.0)), head("strong head", Some(0.0)), head("both heads", Some(WEAK_SHARE))]
        }
    }
}

impl Head {
    fn of(&self, all: &HeadEmbeddings) -> Result<Embeddings, RunError> {
        Ok(match self.weight.map(|weight| all.mixture(weight)).transpose()?.flatten() {
            Some(mixture) => mixture,
            None => all.weak.clone(),
        })
    }
}

/// Measures every so many steps of a run and appends the results to `evaluations.jsonl`.
struct EveryHook {
    every: u64,
    evaluator: Evaluator,
    path: PathBuf,
    quiet: bool,
}

/// The hook that a recipe's `eval.every` asks for.
pub(super) fn hook<M: MethodConfig, I: ImageEncoderConfig>(
    run: &Run<M, I>,
    dir: &Path,
) -> Result<Option<impl Hook<MethodOf<M, I>> + use<M, I>>, RunError> {
    let Some(every) = run.recipe.eval.every else { return Ok(None) };
    let open = (run.train.clone(), run.validation.clone());
    let evaluator = Evaluator::open(&run.recipe, Some(open), run.tokenizer.clone(), &run.device, run.options.workers)?;
    Ok(Some(EveryHook { every, evaluator, path: dir.join("evaluations.jsonl"), quiet: run.options.quiet }))
}

impl<M: Module + Embedder> Hook<M> for EveryHook {
    fn on(&mut self, event: &Event<'_, M>) -> Result<Control, HookError> {
        match event {
            // What a killed run wrote after its last checkpoint is measured again.
            Event::Start { step, .. } => self.cut(*step)?,
            Event::Step { report, method, average } if (report.step + 1).is_multiple_of(self.every) => {
                let evaluation = self.evaluator.measure(&average.unwrap_or(method).valid())?;
                self.append(&json!({ "step": report.step + 1, "reports": evaluation.reports }))?;
                if !self.quiet {
                    eprintln!("after step {}:\n{evaluation}", report.step + 1);
                }
            }
            _ => (),
        }
        Ok(Control::Continue)
    }
}

impl EveryHook {
    fn cut(&self, step: u64) -> Result<(), RunError> {
        let text = match read_regular(&self.path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(RunError::file("read", &self.path)(error)),
        };
        let earlier = |line: &&str| {
            serde_json::from_str::<Value>(line).is_ok_and(|line| line["step"].as_u64().is_some_and(|at| at <= step))
        };
        let kept: String = text.lines().filter(earlier).map(|line| format!("{line}\n")).collect();
        fs::write(&self.path, kept).map_err(RunError::file("write", &self.path))
    }

    fn append(&self, line: &Value) -> Result<(), RunError> {
        let failed = |error| RunError::file("write", &self.path)(error);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?;
        file.write_all(format!("{line}\n").as_bytes()).map_err(failed)
    }
}
