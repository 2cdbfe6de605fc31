use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::collate::{Collator, Outcome};
use super::prepare::Preparation;
use super::{LoaderConfig, Window, threads};
use crate::{Cursor, DataError, HostBatch, Rank};

/// How often whoever waits for a batch looks up.
const LOOK_UP: Duration = Duration::from_millis(100);

/// The threads of a loader: workers fill a window of samples, one thread makes batches of it.
#[derive(Debug)]
pub(super) struct Pipeline {
    window: Arc<Window<Outcome>>,
    batches: Option<Receiver<Result<HostBatch, DataError>>>,
    threads: Vec<JoinHandle<()>>,
    visits: Visits,
    workers: usize,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Done(..) => "Done",
            Self::Panicked(_) => "Panicked",
            Self::Unreachable(_) => "Unreachable",
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
        let visits = Visits {
            preparation: Arc::clone(preparation),
            cursor: cursor.clone(),
            share: config.rank.map(|rank| (rank, config.batch_size as u64)),
        };
        let mut pipeline = Self {
            window: Arc::clone(&window),
            batches: Some(receiver),
            threads: Vec::new(),
            visits: visits.clone(),
            workers: config.workers,
        };
        for number in 0..config.workers {
            let (window, visits) = (Arc::clone(&window), visits.clone());
            pipeline.spawn(format!("vlp-worker-{number}"), move || {
                window.work(|job| visits.outcome(job));
            })?;
        }
        let config = config.clone();
        pipeline.spawn("vlp-batches".to_owned(), move || {
            let collator = Collator::new(&window, &config, cursor);
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

    /// The next batch, or an error when no sample was finished for `stall_after` or `interrupted` says so.
    pub(super) fn next(
        &mut self,
        stall_after: Duration,
        interrupted: impl Fn() -> bool,
    ) -> Result<HostBatch, DataError> {
        let gone = || DataError::WorkerPanicked { message: "the thread that makes batches has ended".to_owned() };
        let batches = self.batches.as_ref().ok_or_else(gone)?;
        let (mut known, mut since) = (self.window.progress().0, Instant::now());
        loop {
            match batches.recv_timeout((stall_after / 4).min(LOOK_UP)) {
                Ok(batch) => return batch,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) if interrupted() => return Err(DataError::Interrupted),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let (done, waiting_for) = self.window.progress();
            if done != known {
                (known, since) = (done, Instant::now());
            } else if since.elapsed() >= stall_after {
                // They may hang for ever: left to themselves, they end with what they are doing.
                self.threads.clear();
                return Err(DataError::Stalled {
                    seconds: since.elapsed().as_secs(),
                    workers: self.workers,
                    sample: self.visits.name(waiting_for),
                });
            }
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.window.close();
        // Ends the wait of a batch that nobody takes.
        self.batches = None;
        threads::join_or_leave(&mut self.threads);
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
#[derive(Debug, Clone)]
struct Visits {
    preparation: Arc<Preparation>,
    cursor: Cursor,
    /// The rank and how many rows of a global batch it has.
    share: Option<(Rank, u64)>,
}

impl Visits {
    /// (epoch, slot) of a job: first the samples that were put off, then the stream.
    fn visit(&self, job: u64) -> (u64, u64) {
        match self.place(job) {
            Ok((epoch, position)) => (epoch, self.preparation.plan.slot(epoch, position)),
            Err(visit) => visit,
        }
    }

    /// Tells a source that reads from afar what will be wanted after this job.
    fn look_ahead(&self, job: u64) {
        if let Ok((epoch, position)) = self.place(job)
            && let Some(index) = self.preparation.plan.soon(epoch, position)
        {
            self.preparation.dataset.soon(index);
        }
    }

    /// (epoch, position) of a job in the stream, or the visit of a sample that was put off.
    fn place(&self, job: u64) -> Result<(u64, u64), (u64, u64)> {
        let deferred = &self.cursor.deferred;
        if let Some(&visit) = deferred.get(job as usize) {
            return Err(visit);
        }
        let job = job - deferred.len() as u64;
        let ahead = match self.share {
            Some((rank, rows)) => (job / rows * rank.of as u64 + rank.number as u64) * rows + job % rows,
            None => job,
        };
        Ok(self.cursor.ahead(ahead))
    }

    fn name(&self, job: u64) -> String {
        let (epoch, slot) = self.visit(job);
        self.preparation.dataset.name(self.preparation.plan.index(epoch, slot))
    }

    fn outcome(&self, job: u64) -> Outcome {
        let prepare = || {
            let (epoch, slot) = self.visit(job);
            self.look_ahead(job);
            self.preparation.prepare(epoch, slot)
        };
        match catch_unwind(AssertUnwindSafe(prepare)) {
            Ok(Ok((sample, damaged))) => Outcome::Done(sample, damaged),
            Ok(Err(unreachable)) => Outcome::Unreachable(unreachable),
            Err(panic) => Outcome::Panicked(format!("{} (with {})", panic_message(&*panic), self.name(job))),
        }
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
