use burn::module::Module;
use burn::optim::{LambState, LearningRate, ModuleOptimizer, Optimizer as Update};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_ops::l2_norm;
use vlp_schedulers::Schedule;

use crate::decayed::{present, split};
use crate::weight_decay::WeightDecay;
use crate::{Optimizer, TrainError};

/// Settings of [`lamb`]; the defaults are timm's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LambOptions {
    /// β₁, decay of the mean of gradients: 0.9.
    pub beta_1: f64,
    /// β₂, decay of the mean of squared gradients: 0.999.
    pub beta_2: f64,
    /// Added to the root of the mean square: 1e-6.
    pub epsilon: f64,
    /// λ of the parameters that [`decays`](crate::decays) names: 0.01. Where it is 0 nothing is adapted.
    pub weight_decay: f64,
}

impl Default for LambOptions {
    fn default() -> Self {
        LambOptions { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-6, weight_decay: 0.01 }
    }
}

impl LambOptions {
    /// Checks that the numbers can be used.
    ///
    /// # Errors
    /// [`TrainError::OptimizerOption`] names the first that cannot.
    pub fn check(&self) -> Result<(), TrainError> {
        TrainError::check_beta("beta_1", self.beta_1)?;
        TrainError::check_beta("beta_2", self.beta_2)?;
        TrainError::check_positive("epsilon", self.epsilon)?;
        TrainError::check_decay(self.weight_decay)
    }
}

/// LAMB ([You et al. 2019](https://arxiv.org/abs/1904.00962)) for every parameter of `module`: Adam whose step is as long as
/// each parameter's norm says, for large batches.
///
/// ```text
/// m ← β₁ m + (1 - β₁) g      v ← β₂ v + (1 - β₂) g²
/// u = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε) + λ p
/// p ← p - η u ‖p‖ / ‖u‖      the factor is 1 where a norm is 0, or λ is
/// ```
///
/// Equal to timm's without the clipping that it does itself: give [`TrainerOptions`](crate::TrainerOptions) a `max_norm` of 1.
/// State and records are those of burn's LAMB, which adapts biases and normalisations too and whose norms of large parameters
/// depend on the order in which threads finish.
///
/// Build it after a record was loaded into `module`: parameters are recognised by ids, and a record brings its own.
pub fn lamb<M: Module>(module: &M, options: LambOptions) -> ModuleOptimizer {
    build(module, options, None)
}

/// [`lamb`] whose weight decay at each step is what `decay` gives for it; that of `options` is not read.
pub fn lamb_with_decay<M: Module>(module: &M, options: LambOptions, decay: impl Schedule + 'static) -> Optimizer {
    let decay = WeightDecay::new(decay);
    Optimizer::with_decay(build(module, options, Some(decay.clone())), decay)
}

fn build<M: Module>(module: &M, options: LambOptions, decay: Option<WeightDecay>) -> ModuleOptimizer {
    let undecayed = Lamb { options: LambOptions { weight_decay: 0.0, ..options }, decay: None };
    split(module, Lamb { options, decay }, undecayed)
}

#[derive(Clone)]
struct Lamb {
    options: LambOptions,
    /// Takes the place of the options' weight decay.
    decay: Option<WeightDecay>,
}

impl Update for Lamb {
    type State<const D: usize> = LambState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<LambState<D>>,
    ) -> (Tensor<D>, Option<LambState<D>>) {
        let LambOptions { beta_1, beta_2, epsilon, .. } = self.options;
        let weight_decay = present(self.decay.as_ref(), self.options.weight_decay);
        let moving = |old: Option<Tensor<D>>, new: Tensor<D>, beta: f64| match old {
            Some(old) => old * beta + new * (1.0 - beta),
            None => new * (1.0 - beta),
        };
        let (time, mean, square) = match state {
            Some(state) => (state.time + 1, Some(state.moment_1), Some(state.moment_2)),
            None => (1, None, None),
        };
        let moment_1 = moving(mean, gradient.clone(), beta_1);
        let moment_2 = moving(square, gradient.square(), beta_2);

        let [of_mean, of_square] = [beta_1, beta_2].map(|beta| 1.0 - beta.powi(time as i32));
        let root = moment_2.clone().sqrt() / of_square.sqrt() + epsilon;
        let mut update = moment_1.clone() / of_mean / root;
        if weight_decay != 0.0 {
            update = update + parameter.clone() * weight_decay;
            let (ours, theirs) = (l2_norm(parameter.clone()), l2_norm(update.clone()));
            let vanish = ours.clone().equal_elem(0.0).bool_or(theirs.clone().equal_elem(0.0));
            update = update * (ours / theirs).mask_fill(vanish, 1.0).reshape([1; D]);
        }
        (parameter - update * rate, Some(LambState { time, moment_1, moment_2 }))
    }

    fn to_device<const D: usize>(state: LambState<D>, device: &Device) -> LambState<D> {
        let [moment_1, moment_2] = [state.moment_1, state.moment_2].map(|moment| moment.to_device(device));
        LambState { time: state.time, moment_1, moment_2 }
    }
}
