//! A folder of files that appears whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::WeightError;

/// Lets `write` fill a folder beside `target` and puts it in the place of `target`, which may be missing or hold files of
/// the names in `ours` only. After `Ok` the folder survives a power loss; before, whatever was there does.
pub(crate) fn publish(
    target: &Path,
    ours: &[&str],
    write: impl FnOnce(&Path) -> Result<(), WeightError>,
) -> Result<(), WeightError> {
    refuse_foreign(target, ours)?;
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let [new, old] = ["new", "old"].map(|kind| parent.join(format!(".{name}-{kind}-{}", std::process::id())));
    discard(&new)?;
    discard(&old)?;
    fs::create_dir_all(&new).map_err(WeightError::io("create", &new))?;
    if let Err(error) = write(&new) {
        // What was to be told is why writing failed, not what became of the remains.
        let _ = discard(&new);
        return Err(error);
    }
    sync_dir(&new)?;
    match fs::rename(target, &old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(WeightError::io("move away", target)(error));
        }
        _ => (),
    }
    fs::rename(&new, target).map_err(WeightError::io("rename", &new))?;
    sync_dir(parent)?;
    discard(&old)
}

/// Writes a small file through to the disk.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WeightError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(WeightError::io("write", path))
}

/// Replacing a folder deletes what is in it, so nothing of the user's may be there.
fn refuse_foreign(target: &Path, ours: &[&str]) -> Result<(), WeightError> {
    let entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(WeightError::io("list", target)(error)),
    };
    for entry in entries {
        let name = entry.map_err(WeightError::io("list", target))?.file_name();
        if !ours.iter().any(|ours| name == *ours) {
            let error = std::io::Error::other(format!(
                "it holds {}, which is no file of an export; choose another folder",
                name.to_string_lossy()
            ));
            return Err(WeightError::io("replace", target)(error));
        }
    }
    Ok(())
}

fn discard(folder: &Path) -> Result<(), WeightError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(WeightError::io("delete", folder)(error)),
        _ => Ok(()),
    }
}

/// A rename is durable once the folder that holds the name is.
#[cfg(unix)]
fn sync_dir(folder: &Path) -> Result<(), WeightError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(WeightError::io("sync", folder))
}

#[cfg(not(unix))]
fn sync_dir(_folder: &Path) -> Result<(), WeightError> {
    Ok(())
}
