use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Checkpoint, TrainError};

const LOCK: &str = "run.lock";

/// The directory of a run, held by one process at a time.
///
/// Whoever opens it has it until the last clone is dropped or the process ends, however it ends: the system keeps the lock on
/// `run.lock`, and the file itself, which stays, says nothing but whose it was last. A program that looks at a run's directory
/// before it trains opens it first and hands it to [`Checkpoints::in_folder`](crate::Checkpoints::in_folder);
/// [`Checkpoints::new`](crate::Checkpoints::new) opens it when the run starts.
///
/// ```no_run
/// # use vlp_trainer::{Checkpoints, RunContents, RunFolder, TrainError};
/// # fn open() -> Result<(), TrainError> {
/// let folder = RunFolder::open("runs/first")?;
/// match folder.contents()? {
///     RunContents::Nothing => println!("a new run"),
///     RunContents::Checkpoint { newest, .. } => println!("a run of {} steps", newest.step()),
///     RunContents::Unreadable { reasons } => println!("checkpoints that cannot be read: {}", reasons.join("; ")),
/// }
/// let checkpoints = Checkpoints::in_folder(&folder, serde_json::json!({"lr": 1e-3}));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    _lock: Arc<File>,
    unlocked: Option<String>,
}

/// What lies in the directory of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunContents {
    /// No checkpoint: a new run may start.
    Nothing,
    /// A run that can be resumed, or one that is finished.
    Checkpoint {
        /// The checkpoint of the highest step that verifies.
        newest: Box<Checkpoint>,
        /// Why each newer one does not.
        passed_over: Vec<String>,
    },
    /// Checkpoints of which none verifies: whoever starts a new run here deletes what may be saved by hand, so ask first.
    Unreadable {
        /// Why each does not.
        reasons: Vec<String>,
    },
}

impl RunFolder {
    /// Takes the directory `path`, which is made when it is missing.
    ///
    /// # Errors
    /// [`TrainError::RunInUse`] while somebody else has it, another part of this process included.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, TrainError> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(TrainError::io("create", &path))?;
        let name = path.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&name).map_err(TrainError::io("open", &name))?;
        let unlocked = match file.try_lock() {
            Ok(()) => {
                // Only for whoever finds the folder taken.
                let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                None
            }
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::RunInUse { dir: path, process: holder(&mut file) });
            }
            // Some network file systems know no locks: a run is worth more than the protection.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                Some(format!("{} cannot be locked ({error}): start no second run in its directory", name.display()))
            }
            Err(TryLockError::Error(error)) => return Err(TrainError::io("lock", &name)(error)),
        };
        Ok(RunFolder { path, _lock: Arc::new(file), unlocked })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why the directory is not protected from a second run, where its file system cannot.
    pub fn warning(&self) -> Option<&str> {
        self.unlocked.as_deref()
    }

    /// What lies in it; every file of the checkpoint that it names was verified.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the directory cannot be listed.
    pub fn contents(&self) -> Result<RunContents, TrainError> {
        let (newest, reasons) = Checkpoint::latest(&self.path)?;
        Ok(match newest {
            Some(newest) => RunContents::Checkpoint { newest: Box::new(newest), passed_over: reasons },
            None if reasons.is_empty() => RunContents::Nothing,
            None => RunContents::Unreadable { reasons },
        })
    }
}

/// The process that wrote its number into the lock file.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = Vec::new();
    file.rewind().and_then(|()| file.take(16).read_to_end(&mut text)).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}
