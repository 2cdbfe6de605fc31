use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::manifest::Manifest;
use crate::{Checkpoint, RunFolder, TrainError, publish};

/// Where, when and how many checkpoints a run keeps.
///
/// By default one every 1000 steps or 15 minutes, whichever comes first, and one whenever the run ends; the newest 3 stay.
/// One run writes to a directory at a time: [`RunFolder`].
#[derive(Debug, Clone)]
pub struct Checkpoints {
    pub(crate) dir: PathBuf,
    folder: Option<RunFolder>,
    pub(crate) config: Value,
    every_steps: Option<u64>,
    every: Option<Duration>,
    keep: usize,
    overwrite: bool,
    last_step: Option<u64>,
    last_time: Instant,
    /// What should be deleted and could not be, to be tried again.
    leftovers: Vec<PathBuf>,
    /// What somebody was told about.
    warned: HashSet<PathBuf>,
}

impl Checkpoints {
    /// Checkpoints in `dir`, one directory each. `config` is stored with them; a resume refuses a checkpoint whose
    /// configuration differs, so leave out what may change between two starts of the same run.
    pub fn new(dir: impl Into<PathBuf>, config: Value) -> Self {
        Checkpoints {
            dir: dir.into(),
            folder: None,
            config,
            every_steps: Some(1000),
            every: Some(Duration::from_secs(15 * 60)),
            keep: 3,
            overwrite: false,
            last_step: None,
            last_time: Instant::now(),
            leftovers: Vec::new(),
            warned: HashSet::new(),
        }
    }

    /// [`new`](Self::new) in a directory that the caller has opened already.
    pub fn in_folder(folder: &RunFolder, config: Value) -> Self {
        Checkpoints { folder: Some(folder.clone()), ..Checkpoints::new(folder.path(), config) }
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

    /// Takes the directory for this run, if it is not taken yet.
    fn take_folder(&mut self) -> Result<(), TrainError> {
        if self.folder.is_none() {
            self.folder = Some(RunFolder::open(&self.dir)?);
        }
        Ok(())
    }

    /// Before the first step: sweeps what a killed process left and makes sure that a new run has the directory for itself.
    /// Returns what somebody should know.
    pub(crate) fn prepare(&mut self, resumed: Option<u64>) -> Result<Vec<String>, TrainError> {
        self.take_folder()?;
        let mut warnings: Vec<String> =
            self.folder.as_ref().and_then(RunFolder::warning).map(str::to_owned).into_iter().collect();
        for (path, error) in publish::sweep(&self.dir) {
            self.leftovers.push(path.clone());
            warnings.extend(self.warn_once(path, &error));
        }
        self.last_step = resumed;
        self.last_time = Instant::now();
        if resumed.is_some() {
            return Ok(warnings);
        }
        let steps = publish::steps(&self.dir)?;
        if let Some(&step) = steps.first()
            && !self.overwrite
        {
            return Err(TrainError::RunExists { dir: self.dir.clone(), step });
        }
        // One that stays in sight might be taken for this run's later.
        for step in steps {
            self.leftovers.extend(publish::remove(&publish::step_dir(&self.dir, step))?);
        }
        warnings.extend(self.retry());
        Ok(warnings)
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

    /// Notes a save, deletes what is too old and tries once more to delete what could not be earlier. Returns what somebody
    /// should know: an old checkpoint that stays is no reason to end a run.
    ///
    /// Directories of later steps do not count: this run has yet to write them, so whatever they hold was not readable when
    /// it resumed. Nor do those whose manifest is of another step than their name: somebody has put them there.
    pub(crate) fn saved(&mut self, step: u64, replaced: Option<PathBuf>) -> Vec<String> {
        self.last_step = Some(step);
        self.last_time = Instant::now();
        self.leftovers.extend(replaced);
        let steps = match publish::steps(&self.dir) {
            Ok(steps) => steps,
            Err(error) => return self.warn_once(self.dir.clone(), &error).into_iter().collect(),
        };
        let ours = |step: &u64| {
            Manifest::read(&publish::step_dir(&self.dir, *step)).map_or(true, |manifest| manifest.step == *step)
        };
        let old: Vec<u64> = steps.into_iter().filter(|&other| other <= step).filter(ours).skip(self.keep).collect();
        let mut warnings = Vec::new();
        for step in old {
            let path = publish::step_dir(&self.dir, step);
            match publish::remove(&path) {
                Ok(leftover) => self.leftovers.extend(leftover),
                Err(error) => warnings.extend(self.warn_once(path, &error)),
            }
        }
        warnings.extend(self.retry());
        warnings
    }

    /// Tries to delete what could not be deleted before.
    fn retry(&mut self) -> Vec<String> {
        let mut warnings = Vec::new();
        for path in std::mem::take(&mut self.leftovers) {
            if let Err(error) = publish::discard(&path) {
                self.leftovers.push(path.clone());
                warnings.extend(self.warn_once(path, &error));
            }
        }
        warnings
    }

    fn warn_once(&mut self, path: PathBuf, error: &TrainError) -> Option<String> {
        self.warned.insert(path).then(|| format!("{error}; the run goes on and tries again at each checkpoint"))
    }

    /// The newest readable checkpoint, and why newer ones are not. The directory is this run's from then on.
    pub(crate) fn newest(&mut self) -> Result<(Checkpoint, Vec<String>), TrainError> {
        if self.dir.is_dir() {
            self.take_folder()?;
        }
        match Checkpoint::latest(&self.dir)? {
            (Some(checkpoint), passed_over) => Ok((checkpoint, passed_over)),
            (None, skipped) => Err(TrainError::NoCheckpoint { dir: self.dir.clone(), skipped }),
        }
    }
}
