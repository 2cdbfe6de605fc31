//! One run: read if it is finished, resumed if it is not, and its result.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vlp::augment::Normalization;
use vlp::data::{Dataset, Loader, LoaderConfig, PairSource, Tokenizer};
use vlp::encoders::{AnyImageEncoder, TextTransformer};
use vlp::eval::Report;
use vlp::methods::AnyMethod;
use vlp::trainer::{
    Checkpoints, JsonLines, Outcome, ProgressBar, RunContents, RunFolder, Stop, Trainer, TrainerOptions, adamw,
};

use crate::measure::{Sets, measure};
use crate::plan::{Kind, Planned};

/// The method that a recipe names, on the encoders that recipes describe.
pub(crate) type Model = AnyMethod<AnyImageEncoder, TextTransformer>;

/// What all runs share.
pub(crate) struct Shared {
    /// With autodiff.
    pub(crate) device: Device,
    pub(crate) train: Arc<Dataset>,
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    pub(crate) sets: Sets,
    pub(crate) workers: usize,
    pub(crate) stop: Stop,
    /// Steps of a run; those of the recipe's epochs when left out.
    pub(crate) steps: Option<u64>,
}

/// A finished run, as its result.json holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) method: String,
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    pub(crate) parameters: usize,
    /// Wall-clock seconds of training, of the last part of a resumed run.
    pub(crate) seconds: f64,
    pub(crate) report: Report,
    /// What must be the same for the result to stand for a run.
    pub(crate) config: Value,
}

impl Finished {
    /// The result of this run, if it is there.
    pub(crate) fn read(dir: &Path, config: &Value) -> Result<Option<Self>, Box<dyn Error>> {
        let path = dir.join("result.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        let found: Finished = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        // Numbers that were written may differ in the last bit from those that were not.
        if found.config != serde_json::from_str::<Value>(&config.to_string())? {
            return Err(format!(
                "{} holds a run by another recipe or budget: choose another --out or remove it",
                dir.display()
            )
            .into());
        }
        Ok(Some(found))
    }

    /// Every result under these runs, in the order of their folders' names.
    pub(crate) fn all(out: &Path) -> Result<Vec<Self>, Box<dyn Error>> {
        let runs = out.join("runs");
        let folders = std::fs::read_dir(&runs).map_err(|error| format!("{}: {error}", runs.display()))?;
        let mut paths: Vec<PathBuf> =
            folders.map(|folder| Ok(folder?.path().join("result.json"))).collect::<Result<_, std::io::Error>>()?;
        paths.retain(|path| path.exists());
        paths.sort();
        let mut found: Vec<Finished> = Vec::with_capacity(paths.len());
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let run: Finished = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            if found.first().is_some_and(|first| first.budget() != run.budget()) {
                return Err(format!("{} had another budget or encoders than the runs beside it", path.display()).into());
            }
            found.push(run);
        }
        Ok(found)
    }

    /// What runs that are compared must share.
    fn budget(&self) -> (u64, [&Value; 6]) {
        let keys = ["epochs", "batch_size", "image", "text", "optimizer", "schedule"];
        (self.steps, keys.map(|key| &self.config["recipe"][key]))
    }

    fn write(&self, dir: &Path) -> Result<(), Box<dyn Error>> {
        let (path, unfinished) = (dir.join("result.json"), dir.join("result.json.part"));
        std::fs::write(&unfinished, serde_json::to_string_pretty(self)?)?;
        Ok(std::fs::rename(unfinished, path)?)
    }
}

/// The run's result, trained as far as needed; none when someone asked to stop.
pub(crate) fn finish(planned: &Planned, shared: &Shared, out: &Path) -> Result<Option<Finished>, Box<dyn Error>> {
    let (recipe, dir) = (&planned.recipe, out.join("runs").join(planned.name()));
    let total = shared.steps.unwrap_or_else(|| recipe.total_steps(shared.train.len()));
    let config = serde_json::json!({ "recipe": serde_json::to_value(recipe)?, "total_steps": total });
    if let Some(found) = Finished::read(&dir, &config)? {
        return Ok(Some(found));
    }
    std::fs::create_dir_all(&dir)?;
    // One seed before the first parameter: the same weights at every start.
    shared.device.seed(recipe.seed);
    let trainer = trainer(planned, shared, (total, dir.clone(), config.clone()))?;
    let parameters = trainer.method().num_params();
    println!("{}: {parameters} parameters, {total} steps", planned.name());
    let started = Instant::now();
    let trained = trainer.fit()?;
    if let Outcome::Stopped { .. } = trained.outcome {
        return Ok(None);
    }
    let seconds = started.elapsed().as_secs_f64();
    let report = measure(&trained.method.valid(), shared)?;
    println!("{report}\n");
    let (method, seed) = (recipe.method.name().to_owned(), recipe.seed);
    let finished = Finished { method, kind: planned.kind, seed, steps: total, parameters, seconds, report, config };
    finished.write(&dir)?;
    Ok(Some(finished))
}

fn trainer(
    planned: &Planned,
    shared: &Shared,
    (total, dir, config): (u64, PathBuf, Value),
) -> Result<Trainer<Model, PairSource>, Box<dyn Error>> {
    let (recipe, device) = (&planned.recipe, &shared.device);
    let method = recipe.method.init(recipe.image.init(device)?, recipe.text.init(device)?, device)?;
    let loader = LoaderConfig { workers: shared.workers, ..recipe.loader_config() };
    let loader = Loader::new(shared.train.clone(), shared.tokenizer.clone(), recipe.build_views()?, loader)?;
    let adamw_options = recipe.optimizer.adamw();
    let options = TrainerOptions::new(device, total).with_seed(recipe.seed);
    let folder = RunFolder::open(&dir)?;
    let started = match folder.contents()? {
        RunContents::Nothing => false,
        RunContents::Checkpoint { .. } => true,
        RunContents::Unreadable { reasons } => {
            let reasons = reasons.join("; ");
            return Err(format!(
                "{} holds a run that cannot be resumed ({reasons}): remove it to start anew",
                dir.display()
            )
            .into());
        }
    };
    let trainer = Trainer::new(
        method,
        PairSource::new(loader, Normalization::IMAGENET),
        move |method: &Model| adamw(method, adamw_options),
        recipe.schedule.over(total)?,
        TrainerOptions { max_norm: recipe.optimizer.max_norm, ..options },
    )
    .with_checkpoints(Checkpoints::in_folder(&folder, config).every_steps(50).keep(1))
    .with_hook(ProgressBar::new())
    .with_hook(JsonLines::new(dir.join("metrics.jsonl")))
    .with_stop(shared.stop.clone());
    Ok(if started { trainer.resume()? } else { trainer })
}
