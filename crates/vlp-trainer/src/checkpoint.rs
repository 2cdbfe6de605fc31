use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::finite::{Which, first_fault};
use crate::manifest::{MANIFEST, Manifest, SEAL, differences};
use crate::{TrainError, publish, record};

const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const AVERAGE: &str = "average.bpk";
const STATE: &str = "state.json";

/// The checkpoint of one step: a directory whose files were all verified when it was opened.
///
/// | file | content |
/// |---|---|
/// | `model.bpk` | every parameter and buffer with its path and id (burn's record format, which unlike safetensors keeps the ids that optimizer state is stored under) |
/// | `optimizer.bpk` | optimizer state by parameter id |
/// | `average.bpk` | the moving average of parameters and buffers, of runs that keep one |
/// | `state.json` | step, position of the source, seed, counts |
/// | `manifest.json` | format version, resolved configuration, length and SHA-256 of the files above |
/// | `manifest.sha256` | SHA-256 of the manifest, as `sha256sum --check` reads it |
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    path: PathBuf,
    manifest: Manifest,
}

/// Where a run stands, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) step: u64,
    pub(crate) seed: u64,
    pub(crate) skipped: u64,
    pub(crate) position: Value,
    pub(crate) tallies: Map<String, Value>,
    /// Trainable parameters that never had a gradient, and so no optimizer state.
    pub(crate) without_optimizer_state: Vec<String>,
}

impl Checkpoint {
    /// Opens the checkpoint in `path` and verifies every file.
    ///
    /// # Errors
    /// [`TrainError::Damaged`] when a file is missing, cut off or altered.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        let manifest = Manifest::read(&path)?;
        manifest.verify(&path)?;
        Ok(Checkpoint { path, manifest })
    }

    /// The checkpoint of the highest step in the run directory `run` that verifies, and why each higher one does not.
    ///
    /// The step is the manifest's: a directory that was renamed is as new as what it holds.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the directory cannot be listed.
    pub fn latest(run: impl AsRef<Path>) -> Result<(Option<Self>, Vec<String>), TrainError> {
        let run = run.as_ref();
        let mut unreadable = Vec::new();
        let found = publish::steps(run)?.into_iter().map(|name| {
            let path = publish::step_dir(run, name);
            // Without a manifest the name is all there is.
            let step = Manifest::read(&path).map_or(name, |manifest| manifest.step);
            ((step, name == step), path)
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by(|a, b| b.cmp(a));
        for (_, path) in found {
            match Checkpoint::open(path) {
                Ok(checkpoint) => return Ok((Some(checkpoint), unreadable)),
                Err(error) => unreadable.push(error.to_string()),
            }
        }
        Ok((None, unreadable))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Steps taken when it was written.
    pub fn step(&self) -> u64 {
        self.manifest.step
    }

    /// The configuration that the run was given.
    pub fn config(&self) -> &Value {
        &self.manifest.config
    }

    /// `method` with the parameters and buffers of the checkpoint, on the devices where it is.
    ///
    /// # Errors
    /// [`TrainError::OtherModel`] when names or shapes differ.
    pub fn load_model<M: Module>(&self, method: M) -> Result<M, TrainError> {
        record::load_model(&self.path, self.manifest.file(&self.path, MODEL)?, method)
    }

    /// The same with the moving average of the parameters.
    ///
    /// # Errors
    /// As [`load_model`](Self::load_model), and [`TrainError::Damaged`] when the run kept no average.
    pub fn load_average<M: Module>(&self, method: M) -> Result<M, TrainError> {
        record::load_model(&self.path, self.manifest.file(&self.path, AVERAGE)?, method)
    }

    /// Whether the run kept a moving average of its parameters.
    pub fn has_average(&self) -> bool {
        self.manifest.has(AVERAGE)
    }

    /// `optimizer`, built for a `method` that came from [`load_model`](Self::load_model), with the state of the checkpoint.
    ///
    /// # Errors
    /// [`TrainError::OtherOptimizer`] when the state belongs to other parameters or to an optimizer of another kind.
    pub fn load_optimizer<M: Module>(
        &self,
        optimizer: ModuleOptimizer,
        method: &M,
    ) -> Result<ModuleOptimizer, TrainError> {
        let bytes = self.manifest.file(&self.path, OPTIMIZER)?;
        record::load_optimizer(&self.path, bytes, optimizer, method, &self.state()?.without_optimizer_state)
    }

    pub(crate) fn state(&self) -> Result<State, TrainError> {
        let text = self.manifest.file(&self.path, STATE)?;
        serde_json::from_slice(&text)
            .map_err(|error| TrainError::damaged(&self.path, format!("{STATE} cannot be understood: {error}")))
    }

    /// Refuses a checkpoint of a run that was configured otherwise.
    pub(crate) fn check_config(&self, ours: &Value) -> Result<(), TrainError> {
        let differences = differences(&self.manifest.config, ours);
        if differences.is_empty() {
            Ok(())
        } else {
            Err(TrainError::ConfigDiffers { path: self.path.clone(), differences })
        }
    }

    /// Writes a checkpoint of `state`, which must be finite, into the run directory and returns where it is, and where the one lies that it replaces
    /// if that could not be deleted.
    pub(crate) fn write<M: Module>(
        run: &Path,
        config: &Value,
        (method, average): (&M, Option<&M>),
        optimizer: &ModuleOptimizer,
        mut state: State,
    ) -> Result<(PathBuf, Option<PathBuf>), TrainError> {
        let target = publish::step_dir(run, state.step);
        let not_finite = |what| TrainError::NotFinite { step: state.step, what };
        if let Some(name) = first_fault(method, Which::All)? {
            return Err(not_finite(format!("`{name}`")));
        }
        let model = record::model_bytes(&target, method)?;
        let (optimizer, without) = record::optimizer_bytes(&target, optimizer, method)?;
        if let Some(name) = record::first_fault(&target, &optimizer)? {
            return Err(not_finite(format!("`{name}` in the optimizer's state")));
        }
        state.without_optimizer_state = without;
        let text = |error| TrainError::damaged(&target, format!("it cannot be written as JSON: {error}"));
        let state_text = serde_json::to_vec_pretty(&state).map_err(text)?;

        let average = average.map(|average| record::model_bytes(&target, average)).transpose()?;
        let mut files: Vec<(&str, &[u8])> = vec![(MODEL, &model), (OPTIMIZER, &optimizer), (STATE, &state_text)];
        files.extend(average.as_ref().map(|average| (AVERAGE, &average[..])));
        let (manifest, seal) = Manifest::new(state.step, config, &files).seal().map_err(text)?;
        let all = files.iter().copied().chain([(MANIFEST, &manifest[..]), (SEAL, &seal[..])]);
        let replaced = publish::publish(&target, all)?;
        Ok((target, replaced))
    }
}
