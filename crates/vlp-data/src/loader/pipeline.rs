use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::collate::{Collator, Outcome};
use super::prepare::Preparation;
use super::{LoaderConfig, Window};
use crate::{Cursor, DataError, HostBatch, Order};

/// The threads of a loader: workers fill a window of samples, one thread makes batches of it.
#[derive(Debug)]
pub(super) struct Pipeline {
    window: Arc<Window<Outcome>>,
    batches: Option<Receiver<Result<HostBatch, DataError>>>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "Ready",
            Self::Damaged(..) => "Damaged",
            Self::Panicked(_) => "Panicked",
        })
    }
}

impl Pipeline {
    pub(super) fn start(
        preparation: &Arc<Preparation>,
        config: &LoaderConfig,
        cursor: Cursor,
    ) -> Result<Self, DataError> {
        // Enough to keep the workers busy while a batch is put together, however small batches are.
        let ahead = config.batch_size + 4 * config.workers;
        let window = Arc::new(Window::new(u64::MAX, ahead));
        let (sender, receiver) = sync_channel(config.prefetch);
        let mut pipeline = Self { window: Arc::clone(&window), batches: Some(receiver), threads: Vec::new() };
        for number in 0..config.workers {
            let (window, preparation) = (Arc::clone(&window), Arc::clone(preparation));
            let cursor = cursor.clone();
            pipeline.spawn(format!("vlp-worker-{number}"), move || {
                let visits = Visits::new(&preparation, cursor);
                window.work(|job| visits.outcome(job));
            })?;
        }
        let (preparation, config) = (Arc::clone(preparation), config.clone());
        pipeline.spawn("vlp-batches".to_owned(), move || {
            let collator = Collator::new(&window, &preparation.dataset, &config, cursor);
            collate_all(collator, &sender);
        })?;
        Ok(pipeline)
    }

    fn spawn(&mut self, name: String, body: impl FnOnce() + Send + 'static) -> Result<(), DataError> {
        // On failure the pipeline is dropped by the caller, which ends the threads that did start.
        let thread =
            thread::Builder::new().name(name).spawn(body).map_err(|source: io::Error| DataError::Thread { source })?;
        self.threads.push(thread);
        Ok(())
    }

    pub(super) fn next(&self) -> Result<HostBatch, DataError> {
        let gone = || DataError::WorkerPanicked { message: "the thread that makes batches has ended".to_owned() };
        self.batches.as_ref().and_then(|batches| batches.recv().ok()).ok_or_else(gone)?
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.window.close();
        // Ends the wait of a batch that nobody takes.
        self.batches = None;
        for thread in self.threads.drain(..) {
            // A panic was reported as an error where it mattered.
            let _ = thread.join();
        }
    }
}

fn collate_all(mut collator: Collator<'_>, sender: &SyncSender<Result<HostBatch, DataError>>) {
    match collator.read_deferred() {
        None => return,
        Some(Err(error)) => {
            let _ = sender.send(Err(error));
            return;
        }
        Some(Ok(())) => {}
    }
    while let Some(batch) = collator.next_batch() {
        let last = batch.is_err();
        if sender.send(batch).is_err() || last {
            return;
        }
    }
}

/// Which sample each job of the window is.
struct Visits<'a> {
    preparation: &'a Preparation,
    cursor: Cursor,
}

impl<'a> Visits<'a> {
    fn new(preparation: &'a Preparation, cursor: Cursor) -> Self {
        Self { preparation, cursor }
    }

    /// (epoch, index) of a job: first the samples that were put off, then the stream.
    fn visit(&self, job: u64) -> (u64, u64) {
        let deferred = &self.cursor.deferred;
        if let Some(&visit) = deferred.get(job as usize) {
            return visit;
        }
        let (epoch, position) = self.cursor.ahead(job - deferred.len() as u64);
        let order = Order::new(self.preparation.seed, epoch, self.cursor.samples);
        (epoch, order.index(position))
    }

    fn outcome(&self, job: u64) -> Outcome {
        let (epoch, index) = self.visit(job);
        let prepare = || self.preparation.prepare(epoch, index);
        match catch_unwind(AssertUnwindSafe(prepare)) {
            Ok(Ok(sample)) => Outcome::Ready(sample),
            Ok(Err(damage)) => Outcome::Damaged((epoch, index), damage),
            Err(panic) => Outcome::Panicked(panic_message(&*panic)),
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
