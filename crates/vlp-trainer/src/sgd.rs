use burn::module::Module;
use burn::optim::{LearningRate, ModuleOptimizer, Optimizer as Update};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_schedulers::Schedule;

use crate::decayed::{present, split};
use crate::momentum::{Momentum, Velocity};
use crate::weight_decay::WeightDecay;
use crate::{Optimizer, TrainError};

/// Settings of [`sgd`]; the defaults are MoCo's and SimSiam's for ResNets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdOptions {
    /// μ, what is left of the velocity after a step: 0.9; 0 keeps none.
    pub momentum: f64,
    /// δ, how much of a gradient the velocity leaves out, except for the first: 0.
    pub dampening: f64,
    /// Whether the step looks ahead along the new velocity (Nesterov).
    pub nesterov: bool,
    /// λ, added to the gradient as `λ p` for the parameters that [`decays`](crate::decays) names: 1e-4.
    pub weight_decay: f64,
}

impl Default for SgdOptions {
    fn default() -> Self {
        SgdOptions { momentum: 0.9, dampening: 0.0, nesterov: false, weight_decay: 1e-4 }
    }
}

impl SgdOptions {
    /// Checks that the numbers can be used.
    ///
    /// # Errors
    /// [`TrainError::OptimizerOption`] names the first that cannot.
    pub fn check(&self) -> Result<(), TrainError> {
        self.velocity().check()?;
        TrainError::check_decay(self.weight_decay)
    }

    fn velocity(&self) -> Momentum {
        let SgdOptions { momentum, dampening, nesterov, .. } = *self;
        Momentum { momentum, dampening, nesterov }
    }
}

/// Stochastic gradient descent with momentum for every parameter of `module`, with weight decay for those that
/// [`decays`](crate::decays) names; equal to PyTorch's.
///
/// ```text
/// d = g + λ p      v ← d at the first step, then μ v + (1 - δ) d      p ← p - η v, Nesterov: p - η (d + μ v)
/// ```
///
/// Build it after a record was loaded into `module`: parameters are recognised by ids, and a record brings its own. Without
/// momentum it keeps no state.
pub fn sgd<M: Module>(module: &M, options: SgdOptions) -> ModuleOptimizer {
    build(module, options, None)
}

/// [`sgd`] whose weight decay at each step is what `decay` gives for it; that of `options` is not read.
pub fn sgd_with_decay<M: Module>(module: &M, options: SgdOptions, decay: impl Schedule + 'static) -> Optimizer {
    let decay = WeightDecay::new(decay);
    Optimizer::with_decay(build(module, options, Some(decay.clone())), decay)
}

fn build<M: Module>(module: &M, options: SgdOptions, decay: Option<WeightDecay>) -> ModuleOptimizer {
    let undecayed = Sgd { options: SgdOptions { weight_decay: 0.0, ..options }, decay: None };
    split(module, Sgd { options, decay }, undecayed)
}

#[derive(Clone)]
struct Sgd {
    options: SgdOptions,
    /// Takes the place of the options' weight decay.
    decay: Option<WeightDecay>,
}

impl Update for Sgd {
    type State<const D: usize> = Velocity<D, false>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Velocity<D, false>>,
    ) -> (Tensor<D>, Option<Velocity<D, false>>) {
        let weight_decay = present(self.decay.as_ref(), self.options.weight_decay);
        let change = if weight_decay == 0.0 { gradient } else { parameter.clone() * weight_decay + gradient };
        let (direction, velocity) = self.options.velocity().direction(change, velocity);
        (parameter - direction * rate, velocity)
    }

    fn to_device<const D: usize>(velocity: Velocity<D, false>, device: &Device) -> Velocity<D, false> {
        velocity.moved_to(device)
    }
}
