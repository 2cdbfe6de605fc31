use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use vlp_augment::{Image, ImageTransform};

use super::Pictures;

/// A picture as the model reads it, or why it cannot be read.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// Its pixels, or what is wrong with it.
    pub image: Result<Image, String>,
}

/// An iterator over [`Pictures`] in their order, read ahead by threads that wait while enough is ready.
///
/// Each thread takes every n-th picture and has a queue of its own, so that the order is kept without a lock.
pub struct PreparedPictures {
    pictures: Pictures,
    queues: Vec<Receiver<Result<Image, String>>>,
    threads: Vec<JoinHandle<()>>,
    first: usize,
    next: usize,
}

impl PreparedPictures {
    pub(super) fn start(
        pictures: Pictures,
        transform: Arc<dyn ImageTransform>,
        threads: usize,
        ahead: usize,
        first: usize,
    ) -> Self {
        let count = threads.clamp(1, pictures.len().saturating_sub(first).max(1));
        let (mut queues, mut workers) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (sender, receiver) = sync_channel(ahead.div_ceil(count).max(1));
            let (pictures, transform) = (pictures.clone(), Arc::clone(&transform));
            let work = move || {
                let mut mine = (first + number..pictures.len()).step_by(count);
                // An error means that nobody takes them any more.
                let _ = mine.try_for_each(|index| sender.send(pictures.read(index, transform.as_ref())));
            };
            queues.push(receiver);
            workers.push(thread::spawn(work));
        }
        PreparedPictures { pictures, queues, threads: workers, first, next: first }
    }
}

impl Iterator for PreparedPictures {
    type Item = Prepared;

    fn next(&mut self) -> Option<Prepared> {
        if self.next >= self.pictures.len() {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let gone = |_| Err("the thread that read it ended".to_string());
        let image = self.queues[(index - self.first) % self.queues.len()].recv().unwrap_or_else(gone);
        Some(Prepared { name: self.pictures.name(index), image })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.pictures.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl Drop for PreparedPictures {
    fn drop(&mut self) {
        // Without a taker the threads end with the picture they are at.
        self.queues.clear();
        for thread in self.threads.drain(..) {
            // A panic was told as a picture that cannot be read.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for PreparedPictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedPictures({} of {} on {} threads)", self.next, self.pictures.len(), self.threads.len())
    }
}
