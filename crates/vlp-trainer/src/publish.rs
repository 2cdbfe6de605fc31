//! Directories that appear whole or not at all.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::TrainError;

const STEP: &str = "step-";
const SCRATCH: &str = ".scratch-";

/// Where the checkpoint after `step` steps lies.
pub(crate) fn step_dir(run: &Path, step: u64) -> PathBuf {
    run.join(step_name(step))
}

fn step_name(step: u64) -> String {
    format!("{STEP}{step:08}")
}

/// The steps that `run` has a directory for, highest first; none when `run` does not exist. Nothing is said about what is
/// in them: that a name and its contents belong together their manifest decides.
pub(crate) fn steps(run: &Path) -> Result<Vec<u64>, TrainError> {
    let entries = match fs::read_dir(run) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TrainError::io("list", run)(error)),
    };
    let mut steps: Vec<u64> = Vec::new();
    for entry in entries {
        let name = entry.map_err(TrainError::io("list", run))?.file_name();
        let Some(step) = name.to_str().and_then(step_of) else { continue };
        // A file of that name is somebody else's.
        if run.join(&name).is_dir() {
            steps.push(step);
        }
    }
    steps.sort_unstable_by(|a, b| b.cmp(a));
    Ok(steps)
}

/// The step that a directory's name says, if it is written as we write them.
fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix(STEP)?.parse().ok()?;
    (step_name(step) == name).then_some(step)
}

/// Writes `files` into a directory that appears at `target` at once, replacing one that is there. After `Ok` it survives a
/// power loss; before, whatever was there does, and nothing half written stays. Returns where the one before lies now if it
/// could not be deleted.
pub(crate) fn publish<'a>(
    target: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Option<PathBuf>, TrainError> {
    let run = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(run).map_err(TrainError::io("create", run))?;
    let scratch = new_scratch(target)?;
    let place = || {
        for (name, bytes) in files {
            let path = scratch.join(name);
            write(&path, bytes).map_err(TrainError::io("write", &path))?;
        }
        sync_dir(&scratch)?;
        let before = remove(target)?;
        fs::rename(&scratch, target).map_err(TrainError::io("rename", &scratch))?;
        sync_dir(run)?;
        Ok(before)
    };
    let placed = place();
    if placed.is_err() {
        // On a full disk the space is needed now, and nobody will come back for it.
        let _ = fs::remove_dir_all(&scratch);
    }
    placed
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Takes a directory out of sight at once, then deletes it. Returns where it lies now if it could not be deleted.
pub(crate) fn remove(dir: &Path) -> Result<Option<PathBuf>, TrainError> {
    let free = |scratch: &PathBuf| fs::symlink_metadata(scratch).is_err();
    let scratch = scratch_names(dir, "old").find(free).unwrap_or_else(|| dir.to_path_buf());
    match fs::rename(dir, &scratch) {
        Ok(()) => Ok(discard(&scratch).is_err().then_some(scratch)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TrainError::io("rename", dir)(error)),
    }
}

/// Deletes what killed processes left half written or half deleted, and returns what could not be deleted and why.
///
/// Only directories with a name that [`publish`] or [`remove`] gives: everything else is somebody else's.
pub(crate) fn sweep(run: &Path) -> Vec<(PathBuf, TrainError)> {
    let Ok(entries) = fs::read_dir(run) else { return Vec::new() };
    let ours = |entry: &fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name().to_str().is_some_and(is_scratch)
    };
    let scratches = entries.flatten().filter(ours).map(|entry| entry.path());
    scratches.filter_map(|path| discard(&path).err().map(|error| (path, error))).collect()
}

/// Deletes a directory and what is in it; one that is not there is deleted.
pub(crate) fn discard(dir: &Path) -> Result<(), TrainError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(TrainError::io("delete", dir)(error)),
        _ => Ok(()),
    }
}

/// `.scratch-step-00000004-new-17-0`: for which directory, what for, of which process, and a number that makes it free.
fn scratch_names(dir: &Path, purpose: &str) -> impl Iterator<Item = PathBuf> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let first = format!("{SCRATCH}{name}-{purpose}-{}", std::process::id());
    let run = dir.parent().unwrap_or(Path::new(".")).to_path_buf();
    (0..u32::MAX).map(move |number| run.join(format!("{first}-{number}")))
}

fn new_scratch(target: &Path) -> Result<PathBuf, TrainError> {
    let mut names = scratch_names(target, "new");
    loop {
        let scratch = names.next().unwrap_or_else(|| target.to_path_buf());
        match fs::create_dir(&scratch) {
            Ok(()) => return Ok(scratch),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && scratch != target => (),
            Err(error) => return Err(TrainError::io("create", &scratch)(error)),
        }
    }
}

fn is_scratch(name: &str) -> bool {
    let parts = |name: &str| -> Option<bool> {
        let rest = name.strip_prefix(SCRATCH)?.strip_prefix(STEP)?;
        let mut parts = rest.split('-');
        let step = parts.next()?;
        let purpose = parts.next()?;
        let numbers: Vec<&str> = parts.collect();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Some(
            step.len() >= 8
                && digits(step)
                && matches!(purpose, "new" | "old")
                && matches!(numbers.len(), 1 | 2)
                && numbers.into_iter().all(digits),
        )
    };
    parts(name).unwrap_or(false)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_scratch() {
        for ours in
            [".scratch-step-00000008-new-1", ".scratch-step-00000008-old-4711-0", ".scratch-step-123456789-new-3-12"]
        {
            assert!(is_scratch(ours), "{ours}");
        }
        for other in [
            ".scratch-",
            ".scratch-notes",
            ".scratch-step-8-new-1",
            ".scratch-step-00000008-new",
            ".scratch-step-00000008-new-",
            ".scratch-step-00000008-mine-1",
            ".scratch-step-00000008-new-1-2-3",
            ".scratch-step-00000008-new-x",
            "step-00000008",
        ] {
            assert!(!is_scratch(other), "{other}");
        }
    }

    #[test]
    fn steps_are_directories_that_are_written_as_ours() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["step-00000004", "step-00000012", "step-7", "step-00000009-mine", "steps", "step-123456789"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("step-00000099"), "a file").unwrap();
        assert_eq!(steps(dir.path()).unwrap(), [123_456_789, 12, 4]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let target = step_dir(dir.path(), 3);
        publish(&target, [("a", &b"old"[..])]).unwrap();
        // A name that no file can have stands for the disk that is full.
        let error = publish(&target, [("a", &b"new"[..]), ("no/such/folder", &b""[..])]).unwrap_err();
        assert!(matches!(error, TrainError::Io { action: "write", .. }), "{error}");
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["step-00000003"]);
        assert_eq!(fs::read(target.join("a")).unwrap(), b"old");
    }

    #[test]
    fn names_that_others_took_are_left_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let target = step_dir(dir.path(), 3);
        let taken: Vec<PathBuf> = ["new", "old"].iter().flat_map(|for_| scratch_names(&target, for_).take(2)).collect();
        taken.iter().for_each(|path| fs::write(path, "mine").unwrap());
        publish(&target, [("a", &b"1"[..])]).unwrap();
        publish(&target, [("a", &b"2"[..])]).unwrap();
        assert_eq!(fs::read(target.join("a")).unwrap(), b"2");
        assert!(sweep(dir.path()).is_empty());
        taken.iter().for_each(|path| assert_eq!(fs::read(path).unwrap(), b"mine", "{}", path.display()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
    }
}
