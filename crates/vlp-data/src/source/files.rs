use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

pub(crate) use vlp_augment::open_regular;

use crate::{Damage, DataError};

/// A whole file, if it is a regular one and not longer than the limit.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Damage> {
    let failed = |error: std::io::Error| Damage::Io(format!("{}: {error}", path.display()));
    // Asked before opening: opening a pipe waits for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    let name = || path.display().to_string();
    if !metadata.is_file() {
        return Err(Damage::NotRegular(name()));
    }
    let too_large = |bytes| Damage::TooLarge { member: name(), bytes, limit };
    if metadata.len() > limit {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    let file: File = open_regular(path).map_err(failed)?;
    // The file may grow meanwhile.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Opens a file that a source is made from.
pub(crate) fn open_file(path: &Path) -> Result<File, DataError> {
    open_regular(path).map_err(|source| DataError::Read { path: path.to_owned(), source })
}
