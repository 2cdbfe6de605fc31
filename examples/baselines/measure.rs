//! What a trained model knows, and whether it has collapsed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use vlp::augment::{Image, Normalization, recipes};
use vlp::core::{Embedder, HeadVectors, ImageEncoder};
use vlp::data::{Annotation, Damage, Dataset, HostImages, HostTokens, Limits, Tokenizer};
use vlp::eval::{
    Embeddings, HeadEmbeddings, LinearProbe, Positives, Report, Spread, accuracy, class_embeddings, embed_images,
    embed_texts, prompts, retrieval, zero_shot,
};

use crate::train::{Model, Shared};

/// Captions of the training set are a label and its keywords; prompts without keywords are averaged over these forms.
const TEMPLATES: [&str; 3] = ["{}", "{}: {}", "{}: {}, {}"];
/// Share of the weak head in the mixture of both; fixed beforehand, not chosen on the test pictures.
const WEAK_SHARE: f32 = 0.5;
/// The probe's penalty is one of these, chosen on a fifth of the training pictures.
const PENALTIES: [f64; 4] = [1e-3, 1e-2, 1e-1, 1.0];
const BATCH: usize = 256;

/// Pictures to look at, decoded once for all runs.
pub(crate) struct Sets {
    train: Set,
    artist: Set,
    concepts: Set,
}

struct Set {
    batches: Vec<HostImages>,
    annotations: Vec<Annotation>,
}

impl Sets {
    pub(crate) fn open(train: &Arc<Dataset>, data: &Path, size: usize, workers: usize) -> Result<Self, Box<dyn Error>> {
        let test = |prefix: &str| -> Result<Set, Box<dyn Error>> {
            Set::read(&Arc::new(Dataset::open(data, prefix, Limits::default())?), size, workers)
        };
        let train = Set::read(train, size, workers)?;
        Ok(Sets { train, artist: test("test-artist")?, concepts: test("test-concepts")? })
    }
}

impl Set {
    /// Every readable sample; damaged ones are left out, as in training.
    fn read(dataset: &Arc<Dataset>, size: usize, workers: usize) -> Result<Self, Box<dyn Error>> {
        let (mut pictures, mut annotations): (Vec<Image>, Vec<Annotation>) = Default::default();
        for sample in dataset.pass(recipes::eval(size), workers)? {
            match sample {
                Ok(sample) => {
                    pictures.push(sample.image);
                    annotations.push(sample.annotation);
                }
                // Not damaged: not read.
                Err(Damage::Unreachable(unreachable)) => return Err(unreachable.into()),
                Err(_) => {}
            }
        }
        let batches = pictures.chunks(BATCH).map(HostImages::collate).collect::<Result<_, _>>()?;
        Ok(Set { batches, annotations })
    }

    fn upload<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = Tensor<4>> + 'a {
        self.batches.iter().map(|batch| batch.to_tensor(device, &Normalization::IMAGENET))
    }

    fn field(&self, name: &str) -> Vec<&str> {
        self.annotations.iter().map(|sample| sample.metadata.text(name).unwrap_or("")).collect()
    }

    fn captions(&self) -> Vec<&str> {
        self.annotations.iter().map(|sample| sample.caption.as_str()).collect()
    }
}

pub(crate) fn measure(model: &Model, shared: &Shared) -> Result<Report, Box<dyn Error>> {
    let Sets { train, artist, concepts } = &shared.sets;
    // Evaluation tracks no gradients and normalises by running statistics.
    let device = shared.device.clone().without_autodiff();
    let texts = |captions: &[String]| embed_captions(model, captions, shared.tokenizer.as_ref(), &device);
    let mut report = Report::new("result");

    let images = embed_images(model, artist.upload(&device))?;
    let (classes, class_of) = numbered(artist.field("label"));
    let (prompts, class_of_prompt) = prompts(&classes, &TEMPLATES);
    let prompts = texts(&prompts)?;
    let classifier = HeadEmbeddings {
        weak: class_embeddings(&prompts.weak, &class_of_prompt)?,
        strong: prompts.strong.map(|strong| class_embeddings(&strong, &class_of_prompt)).transpose()?,
    };
    let found = zero_shot(&shown(&images)?, &shown(&classifier)?, &class_of)?;
    report.zero_shot("unseen artist, zero-shot", &found);
    let predicted = found.predictions.iter().collect::<BTreeSet<_>>().len();
    report.share("unseen artist, classes predicted at least once", predicted as f64 / classes.len() as f64, None);
    if images.strong.is_some() {
        let found = zero_shot(&images.weak, &classifier.weak, &class_of)?;
        report.share("unseen artist, zero-shot top-1, weak head", found.top1, None);
    }

    let (captions, caption_of) = numbered(concepts.captions());
    let captions: Vec<String> = captions.into_iter().map(str::to_owned).collect();
    let (pictures, captions) = (shown(&embed_images(model, concepts.upload(&device))?)?, shown(&texts(&captions)?)?);
    let all: Vec<usize> = (0..captions.len()).collect();
    let found = retrieval(&pictures, &captions, &Positives::by_group(&caption_of, &all)?)?;
    report.retrieval("unseen concepts, picture to caption", &found, &[1, 5]);
    let found = retrieval(&captions, &pictures, &Positives::by_group(&all, &caption_of)?)?;
    report.retrieval("unseen concepts, caption to picture", &found, &[1, 5]);

    let encoder = model.image_encoder();
    let vectors = |set: &Set| {
        let encoded = set.upload(&device).map(|images| HeadVectors { weak: encoder.encode(images), strong: None });
        HeadEmbeddings::gather(encoded).map(|all| all.weak)
    };
    let (bank, queries, others) = (vectors(train)?, vectors(artist)?, vectors(concepts)?);
    let groups = [train, artist, concepts].into_iter().flat_map(|set| set.field("subgroup")).collect();
    let (names, number) = numbered(groups);
    let (train_groups, rest) = number.split_at(bank.len());
    let (artist_groups, concept_groups) = rest.split_at(queries.len());
    let classifier = LinearProbe::chosen(&PENALTIES, &bank, train_groups)?.fit(&bank, train_groups)?;
    for (set, vectors, truth) in
        [("unseen artist", &queries, artist_groups), ("unseen concepts", &others, concept_groups)]
    {
        let share = accuracy(&classifier.predict(vectors)?, truth)?;
        report.share(format!("{set}, linear probe of subgroups"), share, Some(1.0 / names.len() as f64));
    }

    let spread = Spread::of(&queries);
    report.number("features, deviation (1 is spread evenly)", spread.deviation, None);
    report.number("features, effective rank", spread.effective_rank, None);
    let units: Option<Vec<Tensor<2>>> =
        artist.upload(&device).map(|images| model.image_units(encoder.encode(images))).collect();
    if let Some(units) = units {
        let mut used = BTreeSet::new();
        let number = units.first().map_or(0, |scores| scores.dims()[1]);
        for scores in units {
            used.extend(scores.argmax(1).try_into_vec_as::<i64>()?);
        }
        report.share("units used by at least one picture", used.len() as f64 / number as f64, None);
    }
    Ok(report)
}

/// The head, or the mixture of both.
fn shown(all: &HeadEmbeddings) -> Result<Embeddings, Box<dyn Error>> {
    Ok(all.mixture(WEAK_SHARE)?.unwrap_or_else(|| all.weak.clone()))
}

fn embed_captions<M: Embedder>(
    model: &M,
    captions: &[String],
    tokenizer: &dyn Tokenizer,
    device: &Device,
) -> Result<HeadEmbeddings, Box<dyn Error>> {
    let batches = captions.chunks(BATCH).map(|chunk| HostTokens::encode(tokenizer, chunk.iter().map(AsRef::as_ref)));
    Ok(embed_texts(model, batches.map(|batch| batch.to_tensor(device)))?)
}

/// Distinct values in order of first appearance, and the number of each value among them.
fn numbered(values: Vec<&str>) -> (Vec<&str>, Vec<usize>) {
    let (mut names, mut known) = (Vec::new(), BTreeMap::new());
    let number = |value| {
        *known.entry(value).or_insert_with(|| {
            names.push(value);
            names.len() - 1
        })
    };
    let numbers = values.into_iter().map(number).collect();
    (names, numbers)
}
