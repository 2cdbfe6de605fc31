use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vlp_schedulers::Schedule;

/// A weight decay that changes from step to step, as DINO's does along half a cosine.
///
/// Clones are one and the same: the optimizer of [`adamw_with_decay`](crate::adamw_with_decay) holds one and reads it whenever it updates
/// a parameter; whoever trains holds another and says before each update which step it is.
/// [`Trainer::with_weight_decay`](crate::Trainer::with_weight_decay) does that, and a loop by hand calls [`set_step`](Self::set_step).
/// Nothing of it is in a checkpoint: the step decides.
///
/// ```
/// # use burn::module::Module;
/// # use burn::optim::{GradientsParams, ModuleOptimizer};
/// # use vlp_trainer::{AdamWOptions, WeightDecay, adamw_with_decay};
/// # fn train<M: Module>(mut model: M, grads: impl Fn(&M) -> GradientsParams, total: u64, lr: f64) -> M {
/// let decay = WeightDecay::new(move |step: u64| 0.04 + 0.36 * step as f64 / total as f64);
/// let mut optimizer = adamw_with_decay(&model, AdamWOptions::default(), &decay);
/// for step in 0..total {
///     decay.set_step(step);
///     let grads = grads(&model);
///     model = optimizer.step(lr, model, grads);
/// }
/// # model
/// # }
/// ```
#[derive(Clone)]
pub struct WeightDecay {
    schedule: Arc<dyn Schedule>,
    /// Bits of the present value.
    value: Arc<AtomicU32>,
}

impl WeightDecay {
    /// The weight decay of each step; step 0 until another is set.
    pub fn new(schedule: impl Schedule + 'static) -> Self {
        let decay = WeightDecay { schedule: Arc::new(schedule), value: Arc::default() };
        decay.set_step(0);
        decay
    }

    /// Takes the value of `step`, counted from 0, for the updates that follow.
    pub fn set_step(&self, step: u64) {
        let value = self.schedule.at(step) as f32;
        self.value.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value of `step`, as the schedule gives it.
    pub(crate) fn at(&self, step: u64) -> f64 {
        self.schedule.at(step)
    }

    /// The present value.
    pub fn value(&self) -> f32 {
        f32::from_bits(self.value.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for WeightDecay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeightDecay").field("value", &self.value()).finish_non_exhaustive()
    }
}
