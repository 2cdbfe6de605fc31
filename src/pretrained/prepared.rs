use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vlp_augment::{Image, ImageTransform};
use vlp_data::{DataError, MOST_WORKERS, Unreachable, join_or_leave};

use super::Pictures;

/// A picture as the model reads it, or why it cannot be read.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// Its pixels, or what is wrong with it.
    pub image: Result<Image, String>,
}

/// What a thread hands over: a picture or its damage, or why it cannot be had.
type Outcome = Result<Result<Image, String>, DataError>;

/// An iterator over [`Pictures`] in their order, read ahead by threads that wait while enough is ready.
///
/// Damaged pictures come as such. It gives an error and ends where a picture cannot be fetched, which says nothing about the picture,
/// where the transform panics, and where a picture takes longer than [`stall_after`](Self::stall_after): those behind it were not looked
/// at.
///
/// Each thread takes every n-th picture and has a queue of its own, so that the order is kept without a lock.
pub struct PreparedPictures {
    pictures: Pictures,
    queues: Vec<Receiver<Outcome>>,
    threads: Vec<JoinHandle<()>>,
    first: usize,
    next: usize,
    stall_after: Duration,
}

impl PreparedPictures {
    pub(super) fn start(
        pictures: Pictures,
        transform: Arc<dyn ImageTransform>,
        threads: usize,
        ahead: usize,
        first: usize,
    ) -> Result<Self, DataError> {
        let count = threads.clamp(1, MOST_WORKERS).min(pictures.len().saturating_sub(first).max(1));
        let stall_after = Duration::from_secs(300);
        let mut started = PreparedPictures {
            pictures: pictures.clone(),
            queues: Vec::new(),
            threads: Vec::new(),
            first,
            next: first,
            stall_after,
        };
        for number in 0..count {
            let (sender, receiver) = sync_channel(ahead.div_ceil(count).max(1));
            let (pictures, transform) = (pictures.clone(), Arc::clone(&transform));
            let read = move |index: usize| {
                catch_unwind(AssertUnwindSafe(|| pictures.read(index, transform.as_ref())))
                    .unwrap_or_else(|panic| Err(panicked(&*panic, &pictures.name(index))))
            };
            let mut mine = (first + number..started.pictures.len()).step_by(count);
            let work = move || {
                // An error means that nobody takes them any more.
                let _ = mine.try_for_each(|index| sender.send(read(index)));
            };
            let thread = thread::Builder::new().name(format!("vlp-pictures-{number}"));
            // What did start ends with `started`.
            started.threads.push(thread.spawn(work).map_err(|source| DataError::Thread { source })?);
            started.queues.push(receiver);
        }
        Ok(started)
    }

    /// Ends when a picture takes so long; five minutes, unless set otherwise.
    pub fn stall_after(mut self, stall_after: Duration) -> Self {
        self.stall_after = stall_after;
        self
    }

    fn receive(&self, index: usize) -> Outcome {
        let queue = (index - self.first) % self.queues.len();
        self.queues[queue].recv_timeout(self.stall_after).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => DataError::Unreachable(Unreachable {
                    url: self.pictures.name(index),
                    reason: format!("it was not read within {} s", self.stall_after.as_secs()),
                    remedy: "Is its storage reachable? Raise `PreparedPictures::stall_after` if it is only slow"
                        .to_owned(),
                }),
                RecvTimeoutError::Disconnected => {
                    DataError::WorkerPanicked { message: format!("nothing (with {})", self.pictures.name(index)) }
                }
            })
        })
    }
}

impl Iterator for PreparedPictures {
    type Item = Result<Prepared, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.pictures.len() {
            return None;
        }
        let index = self.next;
        let received = self.receive(index);
        self.next = if received.is_ok() { index + 1 } else { self.pictures.len() };
        Some(received.map(|image| Prepared { name: self.pictures.name(index), image }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.pictures.len().saturating_sub(self.next);
        (left.min(1), Some(left))
    }
}

impl Drop for PreparedPictures {
    fn drop(&mut self) {
        // Without a taker the threads end with the picture they are at.
        self.queues.clear();
        join_or_leave(&mut self.threads);
    }
}

impl fmt::Debug for PreparedPictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedPictures({} of {} on {} threads)", self.next, self.pictures.len(), self.threads.len())
    }
}

/// A transform's panic, with the picture.
fn panicked(panic: &(dyn Any + Send), name: &str) -> DataError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    DataError::WorkerPanicked { message: format!("{text} (with {name})") }
}
