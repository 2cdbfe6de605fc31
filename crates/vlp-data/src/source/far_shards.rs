use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::TarShards;
use super::remote::{Ahead, IndexFile, Remote, RemoteOptions, RemoteShard};
use super::shard_file::ShardFile;
use super::tar_options::TarOptions;
use super::tar_reading::Reading;
use super::tar_shards::{any_caption, is_remote};
use crate::{DataError, Fetched, Limits, MOST_WORKERS, Unreachable};

/// What shards that are fetched need beyond those that are there.
#[derive(Debug)]
pub(super) struct Far {
    pub(super) ahead: Ahead,
    pub(super) fetched: Fetched,
}

impl TarShards {
    /// Indexes these shards, in this order: paths, and URLs (`s3`, `gs`, `http`, `https`) whose shards are fetched into a
    /// cache.
    ///
    /// An index is kept in the cache, so that opening the same shards again fetches nothing. A shard counts as unchangeable:
    /// one that is fetched again and is another one than was indexed is an error.
    ///
    /// # Errors
    /// As [`TarShards::open`], and when a shard cannot be fetched or finds no room in the cache.
    pub fn open_urls(
        names: impl IntoIterator<Item = String>,
        options: &RemoteOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        Self::open_urls_with(names, options, &TarOptions::default(), limits)
    }

    /// As [`TarShards::open_urls`], with a say in how names are read. Packed shards are unpacked only where they lie on disk.
    ///
    /// # Errors
    /// As there.
    pub fn open_urls_with(
        names: impl IntoIterator<Item = String>,
        options: &RemoteOptions,
        tar: &TarOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        let names: Vec<String> = names.into_iter().collect();
        let remote = Remote::new(options).map_err(DataError::Unreachable)?;
        let urls: Vec<&String> = names.iter().filter(|name| is_remote(name)).collect();
        let mut indexed = index_all(&remote, &urls, tar, &limits)?.into_iter();
        let (mut source, mut total, mut largest) = (Self::empty(tar, limits), 0, 0);
        let reading = Arc::new(Reading::new(tar, None));
        for name in &names {
            if !is_remote(name) {
                source.add_local(PathBuf::from(name))?;
            } else if let Some((shard, index)) = indexed.next() {
                (total, largest) = (total + index.length, largest.max(index.length));
                let captions = index.captions;
                source.add(ShardFile::Remote(Arc::new(shard)), index.into_scan(), Arc::clone(&reading), captions)?;
            }
        }
        let ahead = Ahead::start().map_err(|source| DataError::Thread { source })?;
        let fetched = Fetched { cache: options.cache.clone(), room: options.cache_bytes, total, largest };
        source.far = Some(Far { ahead, fetched });
        source.finish()
    }
}

type Indexed = (RemoteShard, IndexFile);

/// Several at a time, in their order; the first error ends it.
fn index_all(remote: &Remote, urls: &[&String], tar: &TarOptions, limits: &Limits) -> Result<Vec<Indexed>, DataError> {
    let reading = Reading::new(tar, None);
    let (next, stop, done) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(url) = urls.get(number) else { return };
            let indexed = remote.index(url, tar, limits, |file, scan| any_caption(file, scan, &reading, limits));
            stop.fetch_or(indexed.is_err(), Ordering::Relaxed);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, indexed));
        }
    };
    thread::scope(|scope| {
        for _ in 0..remote.connections().min(urls.len()).min(MOST_WORKERS) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, indexed)| indexed).collect::<Result<_, Unreachable>>().map_err(DataError::Unreachable)
}
