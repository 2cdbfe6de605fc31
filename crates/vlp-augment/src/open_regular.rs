use std::fs::{File, metadata};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file for reading, and refuses everything else: opening a pipe would wait for its other end, for ever perhaps, and
/// a device may have no end.
///
/// The opener of everything that reads files of others; links to regular files are followed.
///
/// # Errors
/// When the file is not there, may not be read, or is a folder, pipe, socket or device.
pub fn open_regular(path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    let kind = metadata(path)?.file_type();
    if kind.is_file() {
        return File::open(path);
    }
    let what = if kind.is_dir() { "a folder" } else { "a pipe, socket or device" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("not a regular file but {what}")))
}

/// The bytes of a file that [`open_regular`] opens.
///
/// # Errors
/// As there, and when it cannot be read.
pub fn read_regular(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
