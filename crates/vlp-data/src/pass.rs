use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use vlp_augment::{Image, ImageTransform, SampleRng};

use crate::loader::Window;
use crate::{Annotation, Damage, DataError, Dataset};

/// A sample as an evaluation sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalSample {
    /// Number of the sample in its dataset.
    pub index: usize,
    /// The transformed picture.
    pub image: Image,
    /// Key, caption and metadata.
    pub annotation: Annotation,
}

/// All samples of a dataset once, in their order, made ready by several threads.
///
/// An iterator over every index: damaged samples come as their damage, and the caller decides.
pub struct Pass {
    window: Arc<Window<Result<EvalSample, Damage>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Dataset {
    /// Reads every sample once, in order, with a transform that draws nothing (such as
    /// [`vlp_augment::recipes::eval`]); one that does gets the streams of seed 0.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn pass(self: &Arc<Self>, transform: impl ImageTransform + 'static, workers: usize) -> Result<Pass, DataError> {
        let workers = workers.max(1);
        let mut pass = Pass { window: Arc::new(Window::new(self.len() as u64, 16 * workers)), threads: Vec::new() };
        let transform = Arc::new(transform);
        // Where each group of samples begins: what follows is fetched while one is read.
        let begins: Vec<usize> =
            self.groups().iter().scan(0, |sum, n| Some(std::mem::replace(sum, *sum + n))).collect();
        let begins = Arc::new(begins);
        for number in 0..workers {
            let (window, dataset, transform) = (Arc::clone(&pass.window), Arc::clone(self), Arc::clone(&transform));
            let begins = Arc::clone(&begins);
            let work = move || {
                // Whoever waits must learn of a panic in the transform.
                let _guard = CloseOnPanic(&window);
                window.work(|job| {
                    let next = begins.partition_point(|&begin| begin <= job as usize);
                    begins.get(next).iter().for_each(|&&index| dataset.soon(index));
                    let sample = dataset.sample(job as usize)?;
                    let rng = &mut SampleRng::new(0, 0, job, 0);
                    Ok(EvalSample {
                        index: job as usize,
                        image: transform.apply(sample.image, rng),
                        annotation: sample.annotation,
                    })
                });
            };
            let thread = thread::Builder::new()
                .name(format!("vlp-eval-{number}"))
                .spawn(work)
                .map_err(|source| DataError::Thread { source })?;
            pass.threads.push(thread);
        }
        Ok(pass)
    }
}

struct CloseOnPanic<'a>(&'a Window<Result<EvalSample, Damage>>);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

impl Iterator for Pass {
    type Item = Result<EvalSample, Damage>;

    /// # Panics
    /// When the transform panicked.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.window.next();
        if next.is_none() {
            for thread in self.threads.drain(..) {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        next
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.window.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass({} threads)", self.threads.len())
    }
}
