use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::RemoteShard;

/// A thread that fetches shards before they are read.
#[derive(Debug)]
pub(in crate::source) struct Ahead {
    wanted: SyncSender<Arc<RemoteShard>>,
    /// Number of the shard asked for last: every sample asks.
    last: AtomicUsize,
}

/// Shards that may wait for their turn; more are fetched when they are read.
const WAITING: usize = 16;

impl Ahead {
    /// Starts the thread. It ends with what it is doing once nobody can ask any more.
    pub(in crate::source) fn start() -> io::Result<Self> {
        let (wanted, shards) = sync_channel::<Arc<RemoteShard>>(WAITING);
        thread::Builder::new().name("vlp-ahead".to_owned()).spawn(move || {
            for shard in shards {
                // Whoever reads the shard meets the error again, and reports it.
                let _ = shard.file();
            }
        })?;
        Ok(Self { wanted, last: AtomicUsize::new(usize::MAX) })
    }

    /// Asks for a shard, unless it was the last one asked for.
    pub(in crate::source) fn want(&self, number: usize, shard: &Arc<RemoteShard>) {
        if self.last.swap(number, Ordering::Relaxed) != number && self.wanted.try_send(Arc::clone(shard)).is_err() {
            // Asked for again with the next sample.
            self.last.store(usize::MAX, Ordering::Relaxed);
        }
    }
}
