use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Checkpoint, TrainError, publish};

/// Where, when and how many checkpoints a run keeps.
///
/// By default one every 1000 steps or 15 minutes, whichever comes first, and one whenever the run ends; the newest 3 stay.
/// One process writes to a run directory at a time.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    pub(crate) dir: PathBuf,
    pub(crate) config: Value,
    every_steps: Option<u64>,
    every: Option<Duration>,
    keep: usize,
    overwrite: bool,
    last_step: Option<u64>,
    last_time: Instant,
}

impl Checkpoints {
    /// Checkpoints in `dir`, one directory each. `config` is stored with them; a resume refuses a checkpoint whose
    /// configuration differs, so leave out what may change between two starts of the same run.
    pub fn new(dir: impl Into<PathBuf>, config: Value) -> Self {
        Checkpoints {
            dir: dir.into(),
            config,
            every_steps: Some(1000),
            every: Some(Duration::from_secs(15 * 60)),
            keep: 3,
            overwrite: false,
            last_step: None,
            last_time: Instant::now(),
        }
    }

    /// Saves after every `steps` steps; 0 turns it off.
    pub fn every_steps(self, steps: u64) -> Self {
        Checkpoints { every_steps: (steps > 0).then_some(steps), ..self }
    }

    /// Saves when this much time has passed since the last save; zero turns it off.
    pub fn every(self, time: Duration) -> Self {
        Checkpoints { every: (!time.is_zero()).then_some(time), ..self }
    }

    /// Keeps the newest `count` checkpoints, at least one.
    pub fn keep(self, count: usize) -> Self {
        Checkpoints { keep: count.max(1), ..self }
    }

    /// Lets a new run start in a directory that holds the checkpoints of another one, which are deleted.
    pub fn overwrite(self, overwrite: bool) -> Self {
        Checkpoints { overwrite, ..self }
    }

    /// The run directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Before the first step: sweeps what a killed process left and makes sure that a new run has the directory for itself.
    pub(crate) fn prepare(&mut self, resumed: Option<u64>) -> Result<(), TrainError> {
        publish::sweep(&self.dir)?;
        self.last_step = resumed;
        self.last_time = Instant::now();
        if resumed.is_some() {
            return Ok(());
        }
        let steps = publish::steps(&self.dir)?;
        match steps.first() {
            Some(&step) if !self.overwrite => Err(TrainError::RunExists { dir: self.dir.clone(), step }),
            _ => steps.iter().try_for_each(|&step| publish::remove(&publish::step_dir(&self.dir, step))),
        }
    }

    /// Whether it is time to save after `step` steps.
    pub(crate) fn due(&self, step: u64) -> bool {
        self.every_steps.is_some_and(|every| step.is_multiple_of(every))
            || self.every.is_some_and(|every| self.last_time.elapsed() >= every)
    }

    /// Whether the newest checkpoint is of another step.
    pub(crate) fn unsaved(&self, step: u64) -> bool {
        self.last_step != Some(step)
    }

    /// Notes a save and deletes what is too old. Directories of later steps do not count: this run has yet to write them,
    /// so whatever they hold was not readable when it resumed.
    pub(crate) fn saved(&mut self, step: u64) -> Result<(), TrainError> {
        self.last_step = Some(step);
        self.last_time = Instant::now();
        let steps = publish::steps(&self.dir)?;
        let mut old = steps.into_iter().filter(|&other| other <= step).skip(self.keep);
        old.try_for_each(|step| publish::remove(&publish::step_dir(&self.dir, step)))
    }

    /// The newest readable checkpoint.
    pub(crate) fn newest(&self) -> Result<Checkpoint, TrainError> {
        let (found, skipped) = Checkpoint::latest(&self.dir)?;
        found.ok_or_else(|| TrainError::NoCheckpoint { dir: self.dir.clone(), skipped })
    }
}
