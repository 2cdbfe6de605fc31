use std::collections::HashSet;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use vlp_ops::l2_norm;

/// Scales all gradients of a module together so that their joint Euclidean norm is at most `max_norm`.
///
/// ```text
/// norm = sqrt(sum over all gradients of g^2)
/// g    = g * min(1, max_norm / (norm + 1e-6))        as torch.nn.utils.clip_grad_norm_
/// ```
///
/// Everything stays on the device: nothing waits for the host. Returns the norm before clipping, `[1]`, or `None` when
/// no parameter has a gradient. `max_norm` infinite measures without clipping; one that is no positive number in f32 makes the norm
/// NaN and clips nothing.
///
/// Squares are taken where they neither overflow nor vanish, so every finite gradient is scaled rightly: one of 1e20 among others
/// of 1 becomes `max_norm` and the others 1e-20 of it, where `clip_grad_norm_` makes all of them 0 in silence. A gradient that is
/// infinite or NaN makes the norm infinite or NaN, and so does a norm beyond f32; what the gradients then are means nothing.
/// Ask [`gate`](crate::gate) before the update.
pub fn clip_global_norm<M: Module>(module: &M, grads: &mut GradientsParams, max_norm: f64) -> Option<Tensor<1>> {
    let mut parts = Norms { grads, seen: HashSet::new(), norms: Vec::new() };
    module.visit(&mut parts);
    if parts.norms.is_empty() {
        return None;
    }
    let norms = Tensor::cat(parts.norms, 0);
    let highest = norms.clone().max().clamp(f32::MIN_POSITIVE, f32::MAX);
    let relative = (norms / highest.clone()).square().sum().sqrt();
    let norm = relative.clone() * highest.clone();
    // In f32, where it is multiplied with.
    if max_norm.is_nan() || max_norm as f32 <= 0.0 {
        return Some(norm * f32::NAN);
    }
    if max_norm.is_finite() {
        // As above, divided by the highest: the norm itself may be beyond f32.
        let inverse = highest.recip();
        let factor = inverse.clone().mul_scalar(max_norm) / (relative + inverse.mul_scalar(1e-6));
        module.visit(&mut Scale { grads, seen: HashSet::new(), factor: factor.clamp_max(1.0) });
    }
    Some(norm)
}

/// Norms, one a parameter. A parameter that two modules share is visited twice and counted once.
struct Norms<'a> {
    grads: &'a GradientsParams,
    seen: HashSet<ParamId>,
    norms: Vec<Tensor<1>>,
}

impl ModuleVisitor for Norms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id)
            && self.seen.insert(param.id)
        {
            self.norms.push(l2_norm(grad));
        }
    }
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
