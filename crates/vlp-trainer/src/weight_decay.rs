use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vlp_schedulers::Schedule;

/// A weight decay that changes from step to step. Clones are one and the same: the rule that updates a parameter reads one,
/// the [`Optimizer`](crate::Optimizer) around it sets the step of another before each update.
#[derive(Clone)]
pub(crate) struct WeightDecay {
    schedule: Arc<dyn Schedule>,
    /// Bits of the present value.
    value: Arc<AtomicU32>,
}

impl WeightDecay {
    /// The weight decay of each step; step 0 until another is set.
    pub(crate) fn new(schedule: impl Schedule + 'static) -> Self {
        let decay = WeightDecay { schedule: Arc::new(schedule), value: Arc::default() };
        decay.set_step(0);
        decay
    }

    /// Takes the value of `step`, counted from 0, for the updates that follow.
    pub(crate) fn set_step(&self, step: u64) {
        let value = self.schedule.at(step) as f32;
        self.value.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value of `step`, as the schedule gives it.
    pub(crate) fn at(&self, step: u64) -> f64 {
        self.schedule.at(step)
    }

    /// The present value.
    pub(crate) fn value(&self) -> f32 {
        f32::from_bits(self.value.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for WeightDecay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightDecay").field("value", &self.value()).finish_non_exhaustive()
    }
}
