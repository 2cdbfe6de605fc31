use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use object_store::{GetOptions, GetRange, GetResult};
use tokio::runtime::{Builder, Runtime};

use super::RemoteOptions;
use super::cache::Cache;
use super::place::Place;
use crate::Unreachable;

/// The file a shard was fetched into, its length, and the mark that its server gave this version of it.
pub(super) type Fetched = (File, u64, Option<String>);

/// Fetches a shard into its `.part` in the cache; on an error that file is removed. The shard's lock must be held.
pub(super) fn fetch(
    place: &Place,
    cache: &Arc<Cache>,
    name: &str,
    options: &RemoteOptions,
) -> Result<Fetched, Unreachable> {
    let runtime = runtime().map_err(|error| near(place, cache, &error))?;
    // Not `block_on`, which fails on a thread that is inside another runtime.
    let (sender, receiver) = sync_channel(1);
    let fetch =
        Fetch { place: place.clone(), cache: Arc::clone(cache), name: name.to_owned(), options: options.clone() };
    runtime.spawn(async move {
        let _ = sender.send(fetch.run().await);
    });
    let fetched = receiver.recv().unwrap_or_else(|_| {
        let reason = "the thread that fetched it has ended".to_owned();
        Err(Unreachable { url: place.url.clone(), reason, remedy: "Start again".to_owned() })
    });
    if fetched.is_err() {
        cache.discard(name);
    }
    fetched
}

/// Threads of all transfers, started with the first.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let started = Builder::new_multi_thread().worker_threads(2).thread_name("vlp-fetch").enable_all().build()?;
    // Whoever comes second drops the one just started, which does nothing yet.
    Ok(RUNTIME.get_or_init(|| started))
}

struct Fetch {
    place: Place,
    cache: Arc<Cache>,
    name: String,
    options: RemoteOptions,
}

/// What was written so far, and of which version.
struct Progress {
    file: File,
    length: u64,
    etag: Option<String>,
    written: u64,
}

/// Why an attempt ended.
enum Stop {
    /// Another attempt may do better.
    Cut(Unreachable),
    Final(Unreachable),
}

impl Fetch {
    /// Attempts until one comes to the end; those that get no further than all before are counted and wait.
    async fn run(self) -> Result<Fetched, Unreachable> {
        let (mut progress, mut furthest, mut idle) = (None, 0, 0);
        loop {
            let error = match self.attempt(&mut progress).await {
                Ok(Progress { file, length, etag, .. }) => return Ok((file, length, etag)),
                Err(Stop::Final(error)) => return Err(error),
                Err(Stop::Cut(error)) => error,
            };
            let written = progress.as_ref().map_or(0, |progress| progress.written);
            idle = if written > furthest { 0 } else { idle + 1 };
            furthest = furthest.max(written);
            if idle > self.options.retries {
                let reason = format!("{}, {idle} times without headway", error.reason);
                return Err(Unreachable { reason, ..error });
            }
            let wait = (self.options.backoff * 2f64.powi(idle as i32)).clamp(0.0, 60.0);
            tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        }
    }

    /// Goes on where the last attempt ended, if the server can and still has the same version; else from the start.
    async fn attempt(&self, progress: &mut Option<Progress>) -> Result<Progress, Stop> {
        let (got, mut into) = match self.resume(progress.take()).await {
            Some(resumed) => resumed,
            None => {
                // The store has tried again itself where that can help.
                let got = self.get(GetOptions::default()).await;
                let got = got.map_err(|error| Stop::Final(self.place.unreachable(&error)))?;
                let (length, etag) = (got.meta.size, got.meta.e_tag.clone());
                let file = self.room(length).await.map_err(|error| Stop::Final(self.no_room(length, &error)))?;
                (got, Progress { file, length, etag, written: 0 })
            }
        };
        match self.write(got, &mut into).await {
            Ok(()) => Ok(into),
            Err(stop) => {
                *progress = Some(into);
                Err(stop)
            }
        }
    }

    /// Waits for others to finish where these take the room. The server waits meanwhile; should it not, that is a cut.
    async fn room(&self, length: u64) -> std::io::Result<File> {
        loop {
            match self.cache.part(&self.name, length)? {
                Some(file) => return Ok(file),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn resume(&self, progress: Option<Progress>) -> Option<(GetResult, Progress)> {
        let known = progress.filter(|known| known.etag.is_some() && known.written > 0)?;
        let range = Some(GetRange::Offset(known.written));
        let rest = self.get(GetOptions { range, if_match: known.etag.clone(), ..GetOptions::default() }).await.ok()?;
        (rest.meta.size == known.length && rest.range.start == known.written).then_some((rest, known))
    }

    async fn write(&self, got: GetResult, into: &mut Progress) -> Result<(), Stop> {
        let near = |error: std::io::Error| Stop::Final(near(&self.place, &self.cache, &error));
        into.file.seek(SeekFrom::Start(into.written)).map_err(near)?;
        let mut stream = got.into_stream();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.map_err(|error| Stop::Cut(self.place.unreachable(&error)))?;
            if into.written + bytes.len() as u64 > into.length {
                break;
            }
            into.file.write_all(&bytes).map_err(near)?;
            into.written += bytes.len() as u64;
        }
        if into.written != into.length {
            let reason = format!("it ended after {} of {} bytes", into.written, into.length);
            let remedy = "Check the shard on its server".to_owned();
            return Err(Stop::Cut(Unreachable { url: self.place.url.clone(), reason, remedy }));
        }
        Ok(())
    }

    async fn get(&self, options: GetOptions) -> object_store::Result<GetResult> {
        self.place.store.get_opts(&self.place.path, options).await
    }

    fn no_room(&self, length: u64, error: &std::io::Error) -> Unreachable {
        if error.kind() != std::io::ErrorKind::QuotaExceeded {
            return near(&self.place, &self.cache, error);
        }
        let reason = format!("{length} bytes find no room in a cache of {}", self.cache.bound);
        let remedy = "Raise `RemoteOptions::cache_bytes` (VLP_CACHE_GIB)".to_owned();
        Unreachable { url: self.place.url.clone(), reason, remedy }
    }
}

/// Trouble on this side.
pub(super) fn near(place: &Place, cache: &Cache, error: &std::io::Error) -> Unreachable {
    let directory = cache.path("", "").parent().map(|path| path.display().to_string()).unwrap_or_default();
    let remedy = format!("Check that {directory} (VLP_CACHE) is on a local disk with room and may be written");
    Unreachable { url: place.url.clone(), reason: format!("cannot be kept in the cache: {error}"), remedy }
}
