use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Scales all gradients of a module together so that their joint Euclidean norm is at most `max_norm`.
///
/// ```text
/// norm = sqrt(sum over all gradients of g^2)
/// g    = g * min(1, max_norm / (norm + 1e-6))        as torch.nn.utils.clip_grad_norm_
/// ```
///
/// Everything stays on the device: nothing waits for the host. Returns the norm before clipping, `[1]`, or `None` when
/// no parameter has a gradient. A norm that is not finite makes every gradient not finite: gate it before the update.
/// `max_norm` infinite measures without clipping.
pub fn clip_global_norm<M: Module>(module: &M, grads: &mut GradientsParams, max_norm: f64) -> Option<Tensor<1>> {
    let mut squares = Squares { grads, seen: HashSet::new(), sums: Vec::new() };
    module.visit(&mut squares);
    if squares.sums.is_empty() {
        return None;
    }
    let norm = Tensor::cat(squares.sums, 0).sum().sqrt();
    if max_norm.is_finite() {
        let factor = (norm.clone() + 1e-6).recip().mul_scalar(max_norm).clamp_max(1.0);
        module.visit(&mut Scale { grads, seen: HashSet::new(), factor });
    }
    Some(norm)
}

/// Sums of squares, one a parameter. A parameter that two modules share is visited twice and counted once.
struct Squares<'a> {
    grads: &'a GradientsParams,
    seen: HashSet<ParamId>,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id)
            && self.seen.insert(param.id)
        {
            self.sums.push(sum_of_squares(grad));
        }
    }
}

/// Rows first: on the CPU a full sum over millions of elements joins its parts in the order threads finish, which is not
/// repeatable; sums of rows are.
fn sum_of_squares<const D: usize>(grad: Tensor<D>) -> Tensor<1> {
    let dims = grad.dims();
    let width = dims[D - 1].max(1);
    let rows = dims.iter().product::<usize>() / width;
    grad.reshape([rows, width]).square().sum_dim(1).sum()
}

/// The Euclidean norm of all elements, `[1]`, the same every time.
pub(crate) fn norm<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    sum_of_squares(tensor).sqrt()
}

struct Scale<'a> {
    grads: &'a mut GradientsParams,
    seen: HashSet<ParamId>,
    factor: Tensor<1>,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.seen.insert(param.id)
            && let Some(grad) = self.grads.remove::<D>(param.id)
        {
            self.grads.register(param.id, grad * self.factor.clone().reshape([1; D]));
        }
    }
}
