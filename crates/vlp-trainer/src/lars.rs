use burn::module::Module;
use burn::optim::{LearningRate, ModuleOptimizer, Optimizer as Update};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_ops::l2_norm;
use vlp_schedulers::Schedule;

use crate::decayed::{present, split};
use crate::momentum::{Momentum, Velocity};
use crate::weight_decay::WeightDecay;
use crate::{Optimizer, TrainError};

/// Settings of [`lars`]; the defaults are those of SimCLR and SwAV.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LarsOptions {
    /// μ, what is left of the velocity after a step: 0.9; 0 keeps none.
    pub momentum: f64,
    /// δ, how much of a change the velocity leaves out, except for the first: 0.
    pub dampening: f64,
    /// Whether the step looks ahead along the new velocity (Nesterov).
    pub nesterov: bool,
    /// λ of the parameters that [`decays`](crate::decays) names: 1e-6. Where it is 0 nothing is adapted.
    pub weight_decay: f64,
    /// The share of a parameter's norm that a step of rate 1 may change: 1e-3.
    pub trust: f64,
    /// Added to the denominator: 1e-8.
    pub epsilon: f64,
}

impl Default for LarsOptions {
    fn default() -> Self {
        let (momentum, dampening, nesterov) = (0.9, 0.0, false);
        LarsOptions { momentum, dampening, nesterov, weight_decay: 1e-6, trust: 1e-3, epsilon: 1e-8 }
    }
}

impl LarsOptions {
    /// Checks that the numbers can be used.
    ///
    /// # Errors
    /// [`TrainError::OptimizerOption`] names the first that cannot.
    pub fn check(&self) -> Result<(), TrainError> {
        self.velocity().check()?;
        TrainError::check_decay(self.weight_decay)?;
        TrainError::check_positive("trust", self.trust)?;
        TrainError::check_option("epsilon", self.epsilon, self.epsilon >= 0.0, "0 or more")
    }

    fn velocity(&self) -> Momentum {
        let LarsOptions { momentum, dampening, nesterov, .. } = *self;
        Momentum { momentum, dampening, nesterov }
    }
}

/// LARS ([You et al. 2017](https://arxiv.org/abs/1708.03888)) for every parameter of `module`: stochastic gradient descent
/// whose step is a share of each parameter's norm, for large batches.
///
/// ```text
/// d = (g + λ p) · trust · ‖p‖ / (‖g‖ + λ ‖p‖ + ε)      d = g where ‖p‖ or ‖g‖ is 0, or λ is
/// v ← d at the first step, then μ v + (1 - δ) d      p ← p - η v, Nesterov: p - η (d + μ v)
/// ```
///
/// Equal to lightly's: the learning rate stays outside the velocity, so that a change of it acts at once, and weight decay
/// stands in the change and in the denominator. What [`decays`](crate::decays) does not name (biases, normalisations) is
/// neither decayed nor adapted, as in SimCLR and BYOL.
///
/// Build it after a record was loaded into `module`: parameters are recognised by ids, and a record brings its own.
pub fn lars<M: Module>(module: &M, options: LarsOptions) -> ModuleOptimizer {
    build(module, options, None)
}

/// [`lars`] whose weight decay at each step is what `decay` gives for it; that of `options` is not read.
pub fn lars_with_decay<M: Module>(module: &M, options: LarsOptions, decay: impl Schedule + 'static) -> Optimizer {
    let decay = WeightDecay::new(decay);
    Optimizer::with_decay(build(module, options, Some(decay.clone())), decay)
}

fn build<M: Module>(module: &M, options: LarsOptions, decay: Option<WeightDecay>) -> ModuleOptimizer {
    let undecayed = Lars { options: LarsOptions { weight_decay: 0.0, ..options }, decay: None };
    split(module, Lars { options, decay }, undecayed)
}

#[derive(Clone)]
struct Lars {
    options: LarsOptions,
    /// Takes the place of the options' weight decay.
    decay: Option<WeightDecay>,
}

impl Lars {
    /// The gradient with weight decay, as long as this parameter's norm allows. Nothing waits for the device.
    fn adapted<const D: usize>(&self, parameter: &Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        let weight_decay = present(self.decay.as_ref(), self.options.weight_decay);
        if weight_decay == 0.0 {
            return gradient;
        }
        let (ours, theirs) = (l2_norm(parameter.clone()), l2_norm(gradient.clone()));
        let vanish = ours.clone().equal_elem(0.0).bool_or(theirs.clone().equal_elem(0.0));
        let rate = ours.clone() * self.options.trust / (theirs + ours * weight_decay + self.options.epsilon);
        let decay = (rate.clone() * weight_decay).mask_fill(vanish.clone(), 0.0);
        let rate = rate.mask_fill(vanish, 1.0);
        gradient * rate.reshape([1; D]) + parameter.clone() * decay.reshape([1; D])
    }
}

impl Update for Lars {
    type State<const D: usize> = Velocity<D, true>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        velocity: Option<Velocity<D, true>>,
    ) -> (Tensor<D>, Option<Velocity<D, true>>) {
        let change = self.adapted(&parameter, gradient);
        let (direction, velocity) = self.options.velocity().direction(change, velocity);
        (parameter - direction * rate, velocity)
    }

    fn to_device<const D: usize>(velocity: Velocity<D, true>, device: &Device) -> Velocity<D, true> {
        velocity.moved_to(device)
    }
}
