use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vlp_augment::{Image, ImageTransform, SampleRng};

use crate::loader::{Window, panic_message, threads};
use crate::{Annotation, Damage, DataError, Dataset, Unreachable};

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

/// What a worker hands over: a sample or its damage, or the message of its panic.
type Outcome = Result<Result<EvalSample, Damage>, String>;

/// All samples of a dataset once, in their order, made ready by several threads.
///
/// An iterator over every index: damaged samples come as their damage, and the caller decides. Whoever leaves damaged samples out must not
/// leave out [`Damage::Unreachable`], which says that a sample was not read, not that it is bad. When no sample is finished for
/// [`stall_after`](Self::stall_after) it gives [`Damage::Unreachable`] and ends: the samples behind it were not looked at.
pub struct Pass {
    window: Arc<Window<Outcome>>,
    dataset: Arc<Dataset>,
    threads: Vec<JoinHandle<()>>,
    stall_after: Duration,
}

impl Dataset {
    /// Reads every sample once, in order, with a transform that draws nothing (such as
    /// [`vlp_augment::recipes::eval`]); one that does gets the streams of seed 0.
    ///
    /// # Errors
    /// When there are more than 1,024 workers or no thread can be started.
    pub fn pass(self: &Arc<Self>, transform: impl ImageTransform + 'static, workers: usize) -> Result<Pass, DataError> {
        let workers = workers.max(1);
        if workers > threads::MOST_WORKERS {
            return Err(DataError::OptionTooLarge { option: "workers", value: workers, most: threads::MOST_WORKERS });
        }
        let mut pass = Pass {
            window: Arc::new(Window::new(self.len() as u64, 16 * workers)),
            dataset: Arc::clone(self),
            threads: Vec::new(),
            stall_after: Duration::from_secs(300),
        };
        let transform = Arc::new(transform);
        // Where each group of samples begins: what follows is fetched while one is read.
        let begins: Vec<usize> =
            self.groups().iter().scan(0, |sum, n| Some(std::mem::replace(sum, *sum + n))).collect();
        let begins = Arc::new(begins);
        for number in 0..workers {
            let (window, dataset, transform) = (Arc::clone(&pass.window), Arc::clone(self), Arc::clone(&transform));
            let begins = Arc::clone(&begins);
            let sample = move |job: u64| {
                let next = begins.partition_point(|&begin| begin <= job as usize);
                begins.get(next).iter().for_each(|&&index| dataset.soon(index));
                let sample = dataset.sample(job as usize)?;
                let rng = &mut SampleRng::new(0, 0, job, 0);
                Ok(EvalSample {
                    index: job as usize,
                    image: transform.apply(sample.image, rng),
                    annotation: sample.annotation,
                })
            };
            let work = move || {
                window
                    .work(|job| catch_unwind(AssertUnwindSafe(|| sample(job))).map_err(|panic| panic_message(&*panic)));
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

impl Pass {
    /// Ends when no sample was finished for so long; five minutes, unless set otherwise.
    pub fn stall_after(mut self, stall_after: Duration) -> Self {
        self.stall_after = stall_after;
        self
    }
}

impl Iterator for Pass {
    type Item = Result<EvalSample, Damage>;

    /// The next sample in order.
    ///
    /// # Panics
    /// When the transform panicked; the message ends with the sample.
    fn next(&mut self) -> Option<Self::Item> {
        let (_, job) = self.window.progress();
        let name = || self.dataset.name(job as usize);
        match self.window.next_within(self.stall_after) {
            Ok(Some(Ok(sample))) => Some(sample),
            Ok(Some(Err(message))) => panic!("{message} (with {})", name()),
            Ok(None) => None,
            Err(seconds) => {
                self.window.close();
                Some(Err(Damage::Unreachable(Unreachable {
                    url: name(),
                    reason: format!("no sample was finished for {seconds} s"),
                    remedy: "Is its storage reachable? Raise `Pass::stall_after` if it is only slow".to_owned(),
                })))
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.window.close();
        threads::join_or_leave(&mut self.threads);
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass({} threads)", self.threads.len())
    }
}
