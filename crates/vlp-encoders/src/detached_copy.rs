use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

/// A copy that shares nothing with the original and learns nothing: a teacher that a moving average will follow.
///
/// Unlike a clone it has new parameter ids, so that no optimizer takes one for the other, and parameters without gradient. It
/// stays in training mode: on a device that tracks gradients it normalises by the batch, updating running statistics of its
/// own, and drops what the original drops, as BYOLIP's teacher does. Its tensors begin equal to the original's.
///
/// burn's own `BatchNorm` shares running statistics with its clones and would do so here; [`BatchNorm`](crate::BatchNorm)
/// does not.
pub fn detached_copy<M: Module>(module: &M) -> M {
    module.clone().map(&mut NewIds).no_grad()
}

struct NewIds;

impl ModuleMapper for NewIds {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, tensor, mapper) = param.consume();
        Param::from_mapped_value(ParamId::new(), tensor.detach(), mapper)
    }
}
