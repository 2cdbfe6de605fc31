use std::path::PathBuf;
use std::sync::Arc;

use super::files::open_file;
use super::positioned::Positioned;
#[cfg(feature = "remote")]
use super::remote::RemoteShard;
use super::tar_scan::Span;
use crate::Damage;

/// One shard, read at random places by several threads.
#[derive(Debug)]
pub(super) enum ShardFile {
    Local {
        path: PathBuf,
        /// Kept open for small numbers of shards, as a process may open about a thousand files, and for what is unpacked.
        open: Option<Positioned>,
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
            Self::Local { path, open: None } => {
                let file = open_file(path).map_err(|error| Damage::Io(error.to_string()))?;
                self.read_from(&self.positioned(file)?, span)
            }
            #[cfg(feature = "remote")]
            Self::Remote(shard) => self.read_from(&self.positioned(shard.file().map_err(Damage::Unreachable)?)?, span),
        }
    }

    fn positioned(&self, file: std::fs::File) -> Result<Positioned, Damage> {
        Positioned::new(Arc::new(file)).map_err(|error| self.failed(&error))
    }

    fn read_from(&self, file: &Positioned, span: Span) -> Result<Vec<u8>, Damage> {
        let mut bytes = vec![0; span.length as usize];
        file.read_at(&mut bytes, span.offset).map_err(|error| self.failed(&error))?;
        Ok(bytes)
    }

    fn failed(&self, error: &std::io::Error) -> Damage {
        Damage::Io(format!("{}: {error}", self.name()))
    }
}
