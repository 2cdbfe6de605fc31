use burn::module::Module;
use burn::optim::{LearningRate, LionConfig, LionState, ModuleOptimizer, Optimizer as Update};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_schedulers::Schedule;

use crate::decayed::{present, split};
use crate::weight_decay::WeightDecay;
use crate::{Optimizer, TrainError};

/// Settings of [`lion`]; the defaults are the paper's, without weight decay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LionOptions {
    /// β₁, how much of the velocity the direction keeps: 0.9.
    pub beta_1: f64,
    /// β₂, what is left of the velocity after a step: 0.99.
    pub beta_2: f64,
    /// Decoupled weight decay of the parameters that [`decays`](crate::decays) names; each step takes `lr * weight_decay` of the
    /// weight. It has to be three to ten times that of AdamW, because the rate is as much smaller.
    pub weight_decay: f64,
}

impl Default for LionOptions {
    fn default() -> Self {
        LionOptions { beta_1: 0.9, beta_2: 0.99, weight_decay: 0.0 }
    }
}

impl LionOptions {
    /// Checks that the numbers can be used.
    ///
    /// # Errors
    /// [`TrainError::OptimizerOption`] names the first that cannot.
    pub fn check(&self) -> Result<(), TrainError> {
        TrainError::check_beta("beta_1", self.beta_1)?;
        TrainError::check_beta("beta_2", self.beta_2)?;
        TrainError::check_decay(self.weight_decay)
    }
}

/// Lion ([Chen et al. 2023](https://arxiv.org/abs/2302.06675)) for every parameter of `module`, with weight decay for those
/// that [`decays`](crate::decays) names; equal to lion-pytorch's.
///
/// ```text
/// p ← (1 - η λ) p - η sign(β₁ v + (1 - β₁) g)      v ← β₂ v + (1 - β₂) g
/// ```
///
/// burn's Lion does the step and keeps the state. Build it after a record was loaded into `module`: parameters are recognised
/// by ids, and a record brings its own.
pub fn lion<M: Module>(module: &M, options: LionOptions) -> ModuleOptimizer {
    build(module, options, None)
}

/// [`lion`] whose weight decay at each step is what `decay` gives for it; that of `options` is not read.
pub fn lion_with_decay<M: Module>(module: &M, options: LionOptions, decay: impl Schedule + 'static) -> Optimizer {
    let decay = WeightDecay::new(decay);
    Optimizer::with_decay(build(module, options, Some(decay.clone())), decay)
}

fn build<M: Module>(module: &M, options: LionOptions, decay: Option<WeightDecay>) -> ModuleOptimizer {
    let undecayed = Lion { options: LionOptions { weight_decay: 0.0, ..options }, decay: None };
    split(module, Lion { options, decay }, undecayed)
}

#[derive(Clone)]
struct Lion {
    options: LionOptions,
    /// Takes the place of the options' weight decay.
    decay: Option<WeightDecay>,
}

impl Update for Lion {
    type State<const D: usize> = LionState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<LionState<D>>,
    ) -> (Tensor<D>, Option<LionState<D>>) {
        let LionOptions { beta_1, beta_2, weight_decay } = self.options;
        let weight_decay = present(self.decay.as_ref(), weight_decay);
        // As burn keeps its own: three numbers.
        let lion = LionConfig::new().with_beta_1(beta_1 as f32).with_beta_2(beta_2 as f32);
        lion.with_weight_decay(weight_decay as f32).build().step(rate, parameter, gradient, state)
    }

    fn to_device<const D: usize>(state: LionState<D>, device: &Device) -> LionState<D> {
        LionState { momentum: state.momentum.to_device(device) }
    }
}
