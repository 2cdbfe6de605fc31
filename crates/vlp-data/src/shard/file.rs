use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Span;
use crate::Damage;

/// One shard, read at random places by several threads.
#[derive(Debug)]
pub(crate) struct ShardFile {
    path: PathBuf,
    /// Kept open for small numbers of shards; a process may open about a thousand files.
    open: Option<File>,
}

impl ShardFile {
    pub(crate) fn new(path: PathBuf, open: Option<File>) -> Self {
        Self { path, open }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a member; its length was checked against the limits when the shard was scanned.
    pub(crate) fn read(&self, span: Span) -> Result<Vec<u8>, Damage> {
        let mut bytes = vec![0; span.length as usize];
        let result = match &self.open {
            Some(file) => read_at(file, &mut bytes, span.offset),
            None => File::open(&self.path).and_then(|file| read_at(&file, &mut bytes, span.offset)),
        };
        match result {
            Ok(()) => Ok(bytes),
            Err(error) => Err(Damage::Io(format!("{}: {error}", self.path.display()))),
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                bytes = &mut bytes[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}
