use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::{AdamWState, AdaptiveMomentumState, LearningRate, ModuleOptimizer, Optimizer as Update};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_ops::{AdamWNumbers, adamw_step};
use vlp_schedulers::Schedule;

use crate::Optimizer;
use crate::weight_decay::WeightDecay;

/// Settings of [`adamw`]; the defaults are CLIP-rocket's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWOptions {
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Decoupled weight decay of the parameters that [`decays`] names; each step takes `lr * weight_decay` of the weight.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    fn default() -> Self {
        AdamWOptions { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.1 }
    }
}

/// AdamW ([Loshchilov and Hutter 2019](https://arxiv.org/abs/1711.05101)) for every parameter of `module`, with weight
/// decay for those that [`decays`] names.
///
/// Numbers, state and records are those of burn's AdamW; each parameter is updated in one pass by [`vlp_ops::adamw_step`].
///
/// Build it after a record was loaded into `module`: parameters are recognised by ids, and a record brings its own.
pub fn adamw<M: Module>(module: &M, options: AdamWOptions) -> ModuleOptimizer {
    build(module, options, None)
}

/// [`adamw`] whose weight decay at each step is what `decay` gives for it, as DINO's grows along half a cosine; that of
/// `options` is not read.
///
/// Records are the same as those of [`adamw`]: each can continue where the other stopped. No record holds the weight decay:
/// the step decides.
///
/// ```
/// # use burn::module::Module;
/// # use burn::optim::GradientsParams;
/// # use vlp_trainer::{AdamWOptions, adamw_with_decay};
/// # fn train<M: Module>(mut model: M, grads: impl Fn(&M) -> GradientsParams, total: u64, lr: f64) -> M {
/// let decay = move |step: u64| 0.04 + 0.36 * step as f64 / total as f64;
/// let mut optimizer = adamw_with_decay(&model, AdamWOptions::default(), decay);
/// for step in 0..total {
///     let grads = grads(&model);
///     model = optimizer.step(step, lr, model, grads);
/// }
/// # model
/// # }
/// ```
pub fn adamw_with_decay<M: Module>(module: &M, options: AdamWOptions, decay: impl Schedule + 'static) -> Optimizer {
    let decay = WeightDecay::new(decay);
    Optimizer::with_decay(build(module, options, Some(decay.clone())), decay)
}

fn build<M: Module>(module: &M, options: AdamWOptions, decay: Option<WeightDecay>) -> ModuleOptimizer {
    let undecayed = AdamW { options: AdamWOptions { weight_decay: 0.0, ..options }, decay: None };
    let mut collect = Undecayed { path: Vec::new(), ids: Vec::new() };
    module.visit(&mut collect);
    ModuleOptimizer::from(AdamW { options, decay }).with_group(ParamGroup::from_ids(collect.ids), undecayed, None)
}

/// AdamW in one pass, with burn's state.
#[derive(Clone)]
struct AdamW {
    options: AdamWOptions,
    /// Takes the place of the options' weight decay.
    decay: Option<WeightDecay>,
}

impl Update for AdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let AdamWOptions { beta_1, beta_2, epsilon, weight_decay } = self.options;
        let [beta_1, beta_2, epsilon, weight_decay] = [beta_1, beta_2, epsilon, weight_decay].map(|value| value as f32);
        let weight_decay = self.decay.as_ref().map_or(weight_decay, WeightDecay::value);
        let (time, moments) = match state {
            Some(AdamWState { momentum }) => (momentum.time + 1, [momentum.moment_1, momentum.moment_2]),
            None => (1, [gradient.zeros_like(), gradient.zeros_like()]),
        };
        let numbers = AdamWNumbers { rate, beta_1, beta_2, epsilon, weight_decay, time };
        let (parameter, [moment_1, moment_2]) = adamw_step(parameter, gradient, moments, numbers);
        let momentum = AdaptiveMomentumState { time, moment_1, moment_2, max_moment_2: None };
        (parameter, Some(AdamWState { momentum }))
    }

    fn to_device<const D: usize>(mut state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}

/// Whether weight decay applies to a parameter: it has two dimensions or more and neither it nor a module that holds it
/// is a bias or a normalisation. Embeddings, class tokens and position tables decay.
///
/// The rule of CLIP-rocket's released code, where "bias", "ln" and "bn" in the name exclude; names in burn modules say
/// `norm`.
pub fn decays(path: &str, dims: usize) -> bool {
    dims >= 2 && !path.split('.').any(is_norm_or_bias)
}

fn is_norm_or_bias(name: &str) -> bool {
    let is_norm = |word: &str| word.ends_with("norm") || matches!(word, "ln" | "bn");
    name.contains("bias") || name.split('_').any(|word| is_norm(word.trim_end_matches(|c: char| c.is_ascii_digit())))
}

struct Undecayed {
    path: Vec<String>,
    ids: Vec<ParamId>,
}

impl ModuleVisitor for Undecayed {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !decays(&self.path.join("."), D) {
            self.ids.push(param.id);
        }
    }
}
