use std::fmt;

use burn::module::ParamGroup;
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};

use crate::{TrainError, check_rate};

/// Factors on the learning rate of some parameters: layer-wise decay, a new head that learns faster than what it stands
/// on. Parameters in no group have factor 1; in several, the last one's.
///
/// ```
/// # use burn::module::{Module, ParamGroup};
/// # use burn::optim::{GradientsParams, ModuleOptimizer};
/// # use vlp_trainer::{RateFactors, TrainError};
/// # fn step<M: Module>(mut optimizer: ModuleOptimizer, model: M, grads: GradientsParams, lr: f64) -> Result<M, TrainError> {
/// let factors = RateFactors::new([(ParamGroup::from_predicate("image."), 0.1)])?;
/// Ok(optimizer.step(factors.at(lr), model, grads))
/// # }
/// ```
#[derive(Clone, Default)]
pub struct RateFactors {
    groups: Vec<(ParamGroup, f64)>,
}

impl RateFactors {
    /// Groups of ids must be made after a record was loaded into the module: it brings its own ids.
    ///
    /// # Errors
    /// [`TrainError::RateFactor`] when a factor is negative or not finite.
    pub fn new(groups: impl IntoIterator<Item = (ParamGroup, f64)>) -> Result<Self, TrainError> {
        let groups: Vec<_> = groups.into_iter().collect();
        match groups.iter().find(|(_, factor)| !(factor.is_finite() && *factor >= 0.0)) {
            Some(&(_, factor)) => Err(TrainError::RateFactor { factor }),
            None => Ok(RateFactors { groups }),
        }
    }

    /// Refuses a step at which the schedule says `lr` and some parameter's rate would not be finite in f32.
    pub(crate) fn check(&self, step: u64, lr: f64) -> Result<(), TrainError> {
        check_rate(step, "learning rate", lr)?;
        let rates = self.groups.iter().map(|(_, factor)| lr * factor);
        rates.map(|rate| check_rate(step, "learning rate of a group", rate)).try_for_each(|rate| rate.map(drop))
    }

    /// The learning rate of every parameter where the schedule says `lr`: for `ModuleOptimizer::step`.
    pub fn at(&self, lr: f64) -> ModuleLearningRate {
        let base = ModuleLrScheduler::new(lr);
        let groups = self.groups.iter().cloned();
        groups.fold(base, |rates, (group, factor)| rates.with_group(group, lr * factor)).step()
    }
}

impl fmt::Debug for RateFactors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.groups.iter().map(|(_, factor)| factor)).finish()
    }
}
