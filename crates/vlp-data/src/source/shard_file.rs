use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::files::open_regular;
use super::open_files::Kept;
use super::positioned::Positioned;
#[cfg(feature = "remote")]
use super::remote::RemoteShard;
use super::tar_scan::Span;
use crate::{Damage, Unreachable};

/// What tells a file from another one of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    length: u64,
    /// Where the file system keeps times.
    modified: Option<SystemTime>,
}

impl Seen {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Refuses another file than the one that was indexed. It is no damage of a sample: all that follow would be others.
    fn check(&self, path: &Path, file: &File) -> Result<(), Damage> {
        let now = Self::of(file).map_err(|error| Damage::Io(format!("{}: {error}", path.display())))?;
        if now == *self {
            return Ok(());
        }
        let lengths = format!("{} bytes, then {}", self.length, now.length);
        Err(Damage::Unreachable(Unreachable {
            url: path.display().to_string(),
            reason: format!("it has changed since it was indexed ({lengths}), or was written again"),
            remedy: "Bring the old file back, or start the run anew: its samples may be others".to_owned(),
        }))
    }
}

/// One shard, read at random places by several threads.
#[derive(Debug)]
pub(super) enum ShardFile {
    Local {
        path: PathBuf,
        /// Kept open while the process has room for more open files, and what is unpacked.
        open: Option<Kept<Positioned>>,
        /// What the file was when it was indexed.
        seen: Seen,
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
            Self::Local { path, open: None, seen } => {
                let file = open_regular(path).map_err(|error| self.failed(&error))?;
                seen.check(path, &file)?;
                self.read_from(&self.positioned(file)?, span)
            }
            #[cfg(feature = "remote")]
            Self::Remote(shard) => self.read_from(&self.positioned(shard.file().map_err(Damage::Unreachable)?)?, span),
        }
    }

    fn positioned(&self, file: File) -> Result<Positioned, Damage> {
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
