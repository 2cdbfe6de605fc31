//! All that is LibTorch's own: ATen's kernels where they do in one pass what the default bodies do in several. Operations that are only
//! named here keep the default.

use burn::backend::TensorMetadata;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn_tch::{LibTorch, TchTensor};
use tch::{Device, Kind, Tensor};

use crate::adamw::UpdateOps;
use crate::attention::backend::{AttentionOps, Plan};
use crate::backend::SimilarityOps;
use crate::cross_entropy::CrossEntropyOps;
use crate::embedding::EmbeddingOps;
use crate::gelu::{self, Gate, GeluOps};
use crate::l2_normalize::NormalizeOps;
use crate::layer_norm::{self, LayerNormOps};
use crate::linear::LinearOps;
use crate::precision::{narrowed, widened};

type Float = FloatTensor<LibTorch>;

impl CrossEntropyOps for LibTorch {}
impl NormalizeOps for LibTorch {}
impl SimilarityOps for LibTorch {}
impl UpdateOps for LibTorch {}

/// What ATen calls the approximation; it has no quick form. Half precision is computed in f32 inside.
fn approximation(gate: Gate) -> Option<&'static str> {
    match gate {
        Gate::Normal => Some("none"),
        Gate::Tanh => Some("tanh"),
        Gate::Quick => None,
    }
}

impl GeluOps for LibTorch {
    fn gated(x: Float, gate: Gate) -> Float {
        match approximation(gate) {
            Some(approximation) => TchTensor::new(x.tensor.gelu(approximation)),
            None => gelu::composed::<Self>(x, gate),
        }
    }

    fn gated_backward(x: Float, gradient: Float, gate: Gate) -> Float {
        match approximation(gate) {
            Some(approximation) => TchTensor::new(x.tensor.gelu_backward(&gradient.tensor, approximation)),
            None => gelu::composed_backward::<Self>(x, gradient, gate),
        }
    }
}

impl LayerNormOps for LibTorch {
    /// The backward pass is the default: `native_layer_norm_backward` has no binding.
    fn layer_norm_with_statistics(x: Float, gamma: Float, beta: Float, epsilon: f64) -> (Float, Float, Float) {
        let kind = x.tensor.kind();
        if matches!(kind, Kind::Half | Kind::BFloat16) || gamma.tensor.kind() != kind || beta.tensor.kind() != kind {
            return layer_norm::composed::<Self>(x, gamma, beta, epsilon);
        }
        let width = gamma.tensor.size();
        let (y, mean, inverse) =
            x.tensor.native_layer_norm(width.as_slice(), Some(&gamma.tensor), Some(&beta.tensor), epsilon);
        (TchTensor::new(y), TchTensor::new(mean.reshape([-1, 1])), TchTensor::new(inverse.reshape([-1, 1])))
    }
}

impl LinearOps for LibTorch {
    fn linear_rows(x: Float, weight: Float, bias: Float) -> Float {
        TchTensor::new(bias.tensor.addmm(&x.tensor, &weight.tensor))
    }
}

impl EmbeddingOps for LibTorch {
    fn rows_of_table_backward(table: Float, ids: IntTensor<Self>, gradient: Float) -> Float {
        let (entries, dtype) = (table.tensor.size()[0], table.dtype());
        let gradient = widened::<Self>(gradient);
        let sums = Tensor::embedding_dense_backward(&gradient.tensor, &ids.tensor, entries, -1, false);
        narrowed::<Self>(TchTensor::new(sums), dtype)
    }
}

/// `[batch, tokens, heads * d]` seen as `[batch, heads, tokens, d]`.
fn split(x: &Tensor, heads: usize) -> Tensor {
    let size = x.size();
    x.reshape([size[0], size[1], heads as i64, size[2] / heads as i64]).transpose(1, 2)
}

/// The inverse of [`split`].
fn join(x: Tensor) -> TchTensor {
    let size = x.size();
    TchTensor::new(x.transpose(1, 2).reshape([size[0], size[2], size[1] * size[3]]))
}

/// The gradients of `f` at the inputs by LibTorch's own differentiation, for kernels whose backward pass has no binding.
fn differentiate<const N: usize>(
    inputs: [&Tensor; N],
    gradient: &Tensor,
    f: fn([&Tensor; N], &Plan) -> Tensor,
    plan: &Plan,
) -> [Tensor; N] {
    let leaves = inputs.map(|x| x.detach().set_requires_grad(true));
    let product = f(leaves.each_ref(), plan) * gradient;
    let gradients = Tensor::run_backward(&[product.sum(product.kind())], &leaves, false, false);
    gradients.try_into().expect("as many gradients as inputs")
}

/// ATen's choice of kernel: on GPUs one that never writes the scores.
fn fused([q, k, v]: [&Tensor; 3], plan: &Plan) -> Tensor {
    Tensor::scaled_dot_product_attention(q, k, v, None::<Tensor>, 0.0, plan.causal, plan.scale, false)
}

/// The CPU's kernel gives its log-sum-exps and takes them back. Those of GPUs have no binding for one half of each pair, so there
/// the backward pass runs the forward pass again, as [`fused`] with LibTorch's differentiation, and the sums stay empty.
impl AttentionOps for LibTorch {
    fn attend_keeping(q: Float, k: Float, v: Float, plan: Plan) -> (Float, Float) {
        if q.tensor.device() != Device::Cpu {
            let sums = Tensor::empty([0], (Kind::Float, q.tensor.device()));
            return (Self::attend(q, k, v, plan), TchTensor::new(sums));
        }
        let [q, k, v] = [q, k, v].map(|x| split(&x.tensor, plan.heads));
        let (output, sums) = Tensor::internal_scaled_dot_product_flash_attention_for_cpu(
            &q,
            &k,
            &v,
            0.0,
            plan.causal,
            None::<Tensor>,
            plan.scale,
        );
        (join(output), TchTensor::new(sums))
    }

    fn attend_backward(
        q: Float,
        k: Float,
        v: Float,
        output: Float,
        sums: Float,
        gradient: Float,
        plan: Plan,
    ) -> (Float, Float, Float) {
        let [q, k, v, gradient] = [q, k, v, gradient].map(|x| split(&x.tensor, plan.heads));
        let (q, k, v) = if sums.tensor.numel() == 0 {
            differentiate([&q, &k, &v], &gradient, fused, &plan).into()
        } else {
            let output = split(&output.tensor, plan.heads);
            Tensor::internal_scaled_dot_product_flash_attention_for_cpu_backward(
                &gradient,
                &q,
                &k,
                &v,
                &output,
                &sums.tensor,
                0.0,
                plan.causal,
                None::<Tensor>,
                plan.scale,
            )
        };
        (join(q), join(k), join(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(shape: [i64; 4], phase: f64) -> Tensor {
        let number = shape.iter().product::<i64>();
        (Tensor::arange(number, (Kind::Double, Device::Cpu)) * 0.71 + phase).sin().reshape(shape)
    }

    /// What GPUs run, on the CPU: both ways to the gradients are the same.
    #[test]
    fn differentiation_agrees_with_the_cpus_own_backward_pass() {
        for (causal, scale) in [(false, None), (true, Some(0.3))] {
            let plan = Plan { heads: 2, causal, scale };
            let [q, k, v, gradient] = [0.0, 0.5, 1.0, 1.5].map(|phase| wave([2, 2, 7, 8], phase));
            let ours = differentiate([&q, &k, &v], &gradient, fused, &plan);
            let rows = [&q, &k, &v, &gradient].map(|x| join(x.shallow_clone()));
            let [q, k, v, gradient] = rows;
            let keep = |x: &TchTensor| TchTensor::new(x.tensor.shallow_clone());
            let (output, sums) = LibTorch::attend_keeping(keep(&q), keep(&k), keep(&v), plan);
            let (d_q, d_k, d_v) = LibTorch::attend_backward(q, k, v, output, sums, gradient, plan);
            for (ours, theirs) in ours.into_iter().zip([d_q, d_k, d_v]) {
                let difference = (join(ours).tensor - theirs.tensor).abs().max().double_value(&[]);
                assert!(difference < 1e-12, "{difference}");
            }
        }
    }
}
