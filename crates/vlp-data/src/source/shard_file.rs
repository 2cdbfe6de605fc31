use std::fs::File;
use std::path::{Path, PathBuf};

use super::positioned::read_at;
use super::tar_scan::Span;
use crate::Damage;

/// One shard, read at random places by several threads.
#[derive(Debug)]
pub(super) struct ShardFile {
    path: PathBuf,
    /// Kept open for small numbers of shards; a process may open about a thousand files.
    open: Option<File>,
}

impl ShardFile {
    pub(super) fn new(path: PathBuf, open: Option<File>) -> Self {
        Self { path, open }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a member; its length was checked against the limits when the shard was scanned.
    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>, Damage> {
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
