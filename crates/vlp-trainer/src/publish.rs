//! Directories that appear whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::TrainError;

const STEP: &str = "step-";
const SCRATCH: &str = ".scratch-";

/// Where the checkpoint after `step` steps lies.
pub(crate) fn step_dir(run: &Path, step: u64) -> PathBuf {
    run.join(format!("{STEP}{step:08}"))
}

/// The steps that `run` has a directory for, highest first; none when `run` does not exist. Nothing is said about what is
/// in them.
pub(crate) fn steps(run: &Path) -> Result<Vec<u64>, TrainError> {
    let entries = match fs::read_dir(run) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TrainError::io("list", run)(error)),
    };
    let mut steps: Vec<u64> = Vec::new();
    for entry in entries {
        let name = entry.map_err(TrainError::io("list", run))?.file_name();
        let step: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix(STEP)).and_then(|digits| digits.parse().ok());
        steps.extend(step);
    }
    steps.sort_unstable_by(|a, b| b.cmp(a));
    Ok(steps)
}

/// Writes `files` into a directory that appears at `target` at once, replacing one that is there. After `Ok` it survives a
/// power loss; before, whatever was there does.
pub(crate) fn publish<'a>(
    target: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), TrainError> {
    let (run, scratch) = beside(target, "new");
    discard(&scratch)?;
    fs::create_dir_all(&scratch).map_err(TrainError::io("create", &scratch))?;
    for (name, bytes) in files {
        let path = scratch.join(name);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(TrainError::io("write", &path))?;
    }
    sync_dir(&scratch)?;
    remove(target)?;
    fs::rename(&scratch, target).map_err(TrainError::io("rename", &scratch))?;
    sync_dir(&run)
}

/// Takes a directory out of sight at once, then deletes it.
pub(crate) fn remove(dir: &Path) -> Result<(), TrainError> {
    let (_, scratch) = beside(dir, "old");
    match fs::rename(dir, &scratch) {
        Ok(()) => discard(&scratch),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(TrainError::io("rename", dir)(error)),
    }
}

/// Deletes what a killed process left half written or half deleted.
pub(crate) fn sweep(run: &Path) -> Result<(), TrainError> {
    let Ok(entries) = fs::read_dir(run) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(TrainError::io("list", run))?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            discard(&entry.path())?;
        }
    }
    Ok(())
}

/// The run directory and a scratch name in it; the process id keeps processes apart.
fn beside(dir: &Path, purpose: &str) -> (PathBuf, PathBuf) {
    let run = dir.parent().unwrap_or(Path::new(".")).to_path_buf();
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let scratch = run.join(format!("{SCRATCH}{name}-{purpose}-{}", std::process::id()));
    (run, scratch)
}

fn discard(dir: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TrainError::io("delete", dir)(error)),
        _ => Ok(()),
    }
}

/// A rename is durable once the directory that holds the name is.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> Result<(), TrainError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(TrainError::io("sync", dir))
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> Result<(), TrainError> {
    Ok(())
}
