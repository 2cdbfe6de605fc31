use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// A directory of whole shards with a bound on their bytes, shared by whoever opens it.
///
/// Each shard has up to four files: `.shard`, `.part` while it is fetched, `.index`, and `.lock`, which the fetching process
/// holds. A shard is fetched into its `.part`, which has its final length from the start, and gets its name when it is
/// whole and on the disk. What a crash leaves is a `.part` whose lock is free.
#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
    pub(super) bound: u64,
}

impl Cache {
    pub(super) fn open(directory: &Path, bound: u64) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), bound })
    }

    /// The name of a URL's files: a hash, and what a person recognises it by.
    pub(super) fn name(url: &str) -> String {
        let hash: String = Sha256::digest(url.as_bytes()).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let last = url.rsplit('/').next().unwrap_or_default();
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
        format!("{hash}-{}", last.chars().map(safe).take(60).collect::<String>())
    }

    pub(super) fn path(&self, name: &str, kind: &str) -> PathBuf {
        self.directory.join(format!("{name}.{kind}"))
    }

    /// Waits until nobody else fetches this shard; it stays so until the file is dropped.
    pub(super) fn hold(&self, name: &str) -> io::Result<File> {
        let file = self.lock_file(name)?;
        file.lock()?;
        Ok(file)
    }

    fn lock_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(false).write(true).open(self.path(name, "lock"))
    }

    /// The shard, if it is there and has this length. Counts as a use.
    pub(super) fn get(&self, name: &str, length: u64) -> Option<File> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(name, "shard")).ok()?;
        if file.metadata().ok()?.len() != length {
            return None;
        }
        // Where the clock cannot be set, the shard only looks older than it is.
        let _ = file.set_modified(SystemTime::now());
        Some(file)
    }

    /// Makes room and gives the file that a shard of this length is fetched into; none as long as others that are being
    /// fetched take the room. The shard's lock must be held.
    pub(super) fn part(&self, name: &str, length: u64) -> io::Result<Option<File>> {
        let _turn = self.hold("cache")?;
        let mine = self.path(name, "part");
        if length > self.bound {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "no room"));
        }
        let (mut taken, mut shards) = (0, Vec::new());
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let kind = path.extension().unwrap_or_default().to_owned();
            // What another process removes meanwhile takes no room.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if kind == "shard" {
                taken += metadata.len();
                shards.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), path));
            } else if kind == "part" && path != mine {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if self.lock_file(&name)?.try_lock().is_ok() {
                    fs::remove_file(&path)?;
                } else {
                    taken += metadata.len();
                }
            }
        }
        // The last one used comes first.
        shards.sort_by(|one, other| other.cmp(one));
        while taken + length > self.bound {
            let Some((_, bytes, path)) = shards.pop() else { return Ok(None) };
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => taken -= bytes,
            }
        }
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(mine)?;
        file.set_len(length)?;
        Ok(Some(file))
    }

    /// Gives a fetched shard its name.
    pub(super) fn publish(&self, name: &str, part: &File) -> io::Result<()> {
        part.sync_all()?;
        fs::rename(self.path(name, "part"), self.path(name, "shard"))
    }

    pub(super) fn discard(&self, name: &str) {
        // What is left is removed when room is made.
        let _ = fs::remove_file(self.path(name, "part"));
    }
}
