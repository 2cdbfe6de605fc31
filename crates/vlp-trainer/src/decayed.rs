use burn::module::{Module, ParamGroup};
use burn::optim::{ModuleOptimizer, Optimizer};

use crate::weight_decay::WeightDecay;
use crate::{decays, params};

/// One optimizer for the parameters of `module` that [`decays`] names, another for the rest. Both must keep state of the same
/// kind.
pub(crate) fn split<M: Module, O: Optimizer>(module: &M, decayed: O, undecayed: O) -> ModuleOptimizer {
    let rest = params::list(module).into_iter().filter(|param| !decays(&param.path, param.shape.len()));
    let rest = ParamGroup::from_ids(rest.map(|param| param.id.into()).collect::<Vec<_>>());
    ModuleOptimizer::from(decayed).with_group(rest, undecayed, None)
}

/// The weight decay of an update: a scheduled one takes the place of the options'.
pub(crate) fn present(scheduled: Option<&WeightDecay>, constant: f64) -> f64 {
    scheduled.map_or(constant, |decay| decay.value().into())
}
