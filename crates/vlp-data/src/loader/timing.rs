use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where the time of a run goes, as the loader sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Spent inside [`Loader::next_batch`](crate::Loader::next_batch): waiting for data.
    pub waited: Duration,
    /// Spent between two calls: computing.
    pub computed: Duration,
    /// What the workers did, summed over them.
    pub stages: StageTimes,
}

impl Timing {
    /// Share of the time that went into waiting for data, from 0 to 1.
    pub fn waiting_share(&self) -> f64 {
        let total = (self.waited + self.computed).as_secs_f64();
        if total > 0.0 { self.waited.as_secs_f64() / total } else { 0.0 }
    }
}

/// Time of the workers by stage, summed over them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Reading bytes.
    pub read: Duration,
    /// Decoding pictures.
    pub decode: Duration,
    /// Augmenting pictures and captions.
    pub augment: Duration,
    /// Tokenising captions.
    pub tokenise: Duration,
}

/// Counters that several workers add to.
#[derive(Debug, Default)]
pub(super) struct StageClock {
    nanos: [AtomicU64; 4],
}

#[derive(Clone, Copy)]
pub(super) enum Stage {
    Read,
    Decode,
    Augment,
    Tokenise,
}

impl StageClock {
    /// Adds what this work takes to a stage.
    pub(super) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let nanos = start.elapsed().as_nanos().min(u128::from(u64::MAX)) as u64;
        self.nanos[stage as usize].fetch_add(nanos, Ordering::Relaxed);
        result
    }

    pub(super) fn times(&self) -> StageTimes {
        let [read, decode, augment, tokenise] =
            std::array::from_fn(|stage| Duration::from_nanos(self.nanos[stage].load(Ordering::Relaxed)));
        StageTimes { read, decode, augment, tokenise }
    }
}
