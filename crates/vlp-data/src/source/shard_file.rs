use std::fs::File;
use std::path::PathBuf;
#[cfg(feature = "remote")]
use std::sync::Arc;

use super::positioned::read_at;
#[cfg(feature = "remote")]
use super::remote::RemoteShard;
use super::tar_scan::Span;
use crate::Damage;

/// One shard, read at random places by several threads.
#[derive(Debug)]
pub(super) enum ShardFile {
    Local {
        path: PathBuf,
        /// Kept open for small numbers of shards; a process may open about a thousand files.
        open: Option<File>,
    },
    /// In the cache, or fetched into it.
    #[cfg(feature = "remote")]
    Remote(Arc<RemoteShard>),
}

impl ShardFile {
    /// Path or URL.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Local { path, .. } => path.display().to_string(),
            #[cfg(feature = "remote")]
            Self::Remote(shard) => shard.url().to_owned(),
        }
    }

    /// The bytes of a member; its length was checked against the limits when the shard was scanned.
    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>, Damage> {
        match self {
            Self::Local { open: Some(file), .. } => self.read_from(file, span),
            Self::Local { path, open: None } => self.read_from(&File::open(path).map_err(|e| self.failed(&e))?, span),
            #[cfg(feature = "remote")]
            Self::Remote(shard) => self.read_from(&shard.file().map_err(Damage::Unreachable)?, span),
        }
    }

    fn read_from(&self, file: &File, span: Span) -> Result<Vec<u8>, Damage> {
        let mut bytes = vec![0; span.length as usize];
        read_at(file, &mut bytes, span.offset).map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    fn failed(&self, error: &std::io::Error) -> Damage {
        Damage::Io(format!("{}: {error}", self.name()))
    }
}
