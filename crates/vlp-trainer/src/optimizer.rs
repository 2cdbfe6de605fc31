use std::fmt;

use burn::module::Module;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};

use crate::weight_decay::WeightDecay;
use crate::{TrainError, check_rate};

/// An optimizer together with the weight decay that it reads, so that neither is forgotten.
///
/// [`adamw_with_decay`](crate::adamw_with_decay) makes one whose weight decay changes from step to step; any optimizer of burn becomes
/// one by `into()`.
pub struct Optimizer {
    pub(crate) inner: ModuleOptimizer,
    pub(crate) decay: Option<WeightDecay>,
}

impl Optimizer {
    /// An optimizer whose rules hold `decay`.
    pub(crate) fn with_decay(inner: ModuleOptimizer, decay: WeightDecay) -> Self {
        Optimizer { inner, decay: Some(decay) }
    }

    /// Updates `module` at `step`, counted from 0, by these learning rates; the weight decay is that of the step.
    pub fn step<M: Module>(
        &mut self,
        step: u64,
        rates: impl Into<ModuleLearningRate>,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        if let Some(decay) = &self.decay {
            decay.set_step(step);
        }
        self.inner.step(rates, module, gradients)
    }

    /// Refuses a weight decay of `step` that is not finite as an f32.
    pub(crate) fn check_decay(&self, step: u64) -> Result<(), TrainError> {
        match &self.decay {
            Some(decay) => check_rate(step, "weight decay", decay.at(step)).map(drop),
            None => Ok(()),
        }
    }

    /// The weight decay of the last step; none where it does not change.
    pub fn weight_decay(&self) -> Option<f32> {
        self.decay.as_ref().map(WeightDecay::value)
    }
}

impl From<ModuleOptimizer> for Optimizer {
    fn from(inner: ModuleOptimizer) -> Self {
        Optimizer { inner, decay: None }
    }
}

impl fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer").field("decay", &self.decay).finish_non_exhaustive()
    }
}
