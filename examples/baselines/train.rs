//! One run: read if it is finished, resumed if it is not, and its result.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vlp::eval::Report;
use vlp::prelude::{Run, RunOptions};
use vlp::trainer::Checkpoint;

use crate::Failure;
use crate::measure::measure;
use crate::plan::{Kind, Planned};

/// What all runs share.
pub(crate) struct Shared {
    pub(crate) device: Device,
    pub(crate) options: RunOptions,
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
    pub(crate) fn read(dir: &Path, config: &Value) -> Result<Option<Self>, Failure> {
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
    pub(crate) fn all(out: &Path) -> Result<Vec<Self>, Failure> {
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

    fn write(&self, dir: &Path) -> Result<(), Failure> {
        let (path, unfinished) = (dir.join("result.json"), dir.join("result.json.part"));
        std::fs::write(&unfinished, serde_json::to_string_pretty(self)?)?;
        Ok(std::fs::rename(unfinished, path)?)
    }
}

/// The run's result, trained as far as needed; none when someone asked to stop.
pub(crate) fn finish(planned: &Planned, shared: &Shared, out: &Path) -> Result<Option<Finished>, Failure> {
    let (recipe, dir) = (&planned.recipe, out.join("runs").join(planned.name()));
    let mut run = Run::new(recipe.clone(), &shared.device)?.with_options(shared.options.clone());
    let (steps, train) = (run.total_steps(), run.train().clone());
    let config = serde_json::json!({ "recipe": serde_json::to_value(recipe)?, "total_steps": steps });
    if let Some(found) = Finished::read(&dir, &config)? {
        return Ok(Some(found));
    }
    if Checkpoint::latest(&dir).is_ok_and(|(newest, _)| newest.is_some()) {
        run = run.resumed_with(&dir)?;
    }
    let started = Instant::now();
    let trained = run.fit(&dir)?;
    if trained.is_stopped() {
        return Ok(None);
    }
    let seconds = started.elapsed().as_secs_f64();
    let report = measure(&trained, &train)?;
    println!("{report}\n");
    let (method, seed, parameters) = (recipe.method.name().to_owned(), recipe.seed, trained.method.num_params());
    let finished = Finished { method, kind: planned.kind, seed, steps, parameters, seconds, report, config };
    finished.write(&dir)?;
    Ok(Some(finished))
}
