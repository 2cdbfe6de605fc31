//! Cross-entropy of softmax with whole-number targets, without the matrix of probabilities.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::composed::{sum_of_others, without_entries};
use crate::precision::{narrowed, widened};

/// Cross-entropy of rows of logits `[rows, classes]` with targets `[rows]`.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait CrossEntropyOps: Backend {
    /// The losses of the rows alone, `[rows]`.
    #[fusion(default)]
    fn cross_entropy_rows(logits: FloatTensor<Self>, targets: IntTensor<Self>, smoothing: f64) -> FloatTensor<Self> {
        Self::cross_entropy_with_sums(logits, targets, smoothing).0
    }

    /// The losses and the log-sum-exps of the rows, `[rows]` each.
    #[fusion(default)]
    fn cross_entropy_with_sums(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        smoothing: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::<Self>(logits, targets, smoothing)
    }

    /// The gradient of the logits from that of the losses.
    #[fusion(default)]
    fn cross_entropy_backward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        smoothing: f64,
    ) -> FloatTensor<Self> {
        composed_backward::<Self>(logits, targets, sums, gradient, smoothing)
    }
}

#[cfg(feature = "cubecl")]
impl CrossEntropyOps for burn_cubecl::CubeBackend {}

fn column<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let rows = x.shape().num_elements();
    B::float_reshape(x, [rows, 1].into())
}

fn vector<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let rows = x.shape().num_elements();
    B::float_reshape(x, [rows].into())
}

pub(crate) fn composed<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    smoothing: f64,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let (x, rows) = (widened::<B>(logits), targets.shape()[0]);
    let highest = B::float_max_dim(x.clone(), 1);
    // Losses are differences of logits: taken before the highest comes back, or large logits would swallow their digits.
    let x = B::float_sub(x, highest.clone());
    let log_sum = B::float_log1p(sum_of_others::<B>(B::float_exp(x.clone()), &x));
    let of_target = B::float_gather(1, x.clone(), B::int_reshape(targets, [rows, 1].into()));
    let mut kept = B::float_mul_scalar(of_target, (1.0 - smoothing).into());
    if smoothing > 0.0 {
        kept = B::float_add(kept, B::float_mul_scalar(B::float_mean_dim(x, 1), smoothing.into()));
    }
    (vector::<B>(B::float_sub(log_sum.clone(), kept)), vector::<B>(B::float_add(log_sum, highest)))
}

pub(crate) fn composed_backward<B: Backend>(
    logits: FloatTensor<B>,
    targets: IntTensor<B>,
    sums: FloatTensor<B>,
    gradient: FloatTensor<B>,
    smoothing: f64,
) -> FloatTensor<B> {
    let (dtype, [rows, classes]) = (logits.dtype(), [logits.shape()[0], logits.shape()[1]]);
    let gradient = column::<B>(widened::<B>(gradient));
    let targets = B::int_reshape(targets, [rows, 1].into());
    let shares = B::float_exp(B::float_sub(widened::<B>(logits), column::<B>(sums)));
    // All shares are 1 together: how much is missing at the target the others tell, to the last digit.
    let others = without_entries::<B>(shares, targets.clone());
    let missing = B::float_sum_dim(others.clone(), 1);
    let less = B::float_mul(B::float_add_scalar(B::float_neg(missing), smoothing.into()), gradient.clone());
    let d_x = B::float_mul(B::float_add_scalar(others, (-smoothing / classes as f64).into()), gradient);
    narrowed::<B>(B::float_scatter(1, d_x, targets, less, IndexingUpdateOp::Add), dtype)
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: Backend + CrossEntropyOps> Backward<B, 1> for CrossEntropy {
    /// Logits, targets, log-sum-exps, smoothing.
    type State = (FloatTensor<B>, IntTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([parent], (logits, targets, sums, smoothing)) = (ops.parents, ops.state);
        if let Some(parent) = parent {
            let d_x = B::cross_entropy_backward(logits, targets, sums, gradient, smoothing);
            grads.register::<B>(parent.id, d_x);
        }
    }
}

impl<B: Backend + CrossEntropyOps, C: CheckpointStrategy> CrossEntropyOps for Autodiff<B, C> {
    fn cross_entropy_rows(logits: FloatTensor<Self>, targets: IntTensor<Self>, smoothing: f64) -> FloatTensor<Self> {
        let node = logits.node();
        let logits = logits.into_primitive();
        match CrossEntropy.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (losses, sums) = B::cross_entropy_with_sums(logits.clone(), targets.clone(), smoothing);
                prep.finish((logits, targets, sums, smoothing), losses)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::cross_entropy_rows(logits, targets, smoothing)),
        }
    }
}

/// The cross-entropy of softmax over rows with one right class each, optionally smoothed (Szegedy et al. 2016), as PyTorch's
/// `cross_entropy` without reduction.
///
/// ```text
/// L_i = log Σ_k exp(x_ik) - (1 - α) x_i,t - α mean_k x_ik
/// dx_ik = dL_i (exp(x_ik - log Σ_k exp(x_ik)) - (1 - α) [k = t] - α / classes)
/// ```
///
/// Kept for the backward pass are the logits and one number for each row; the matrix of probabilities is never made. Half-precision
/// logits are computed in f32, and so are the losses; their gradient is in half precision again.
///
/// # Shapes
/// - logits: `[rows, classes]`
/// - targets: `[rows]`, each below `classes`
/// - result: `[rows]`
///
/// # Panics
/// When there are not as many targets as rows, there is no class, or `smoothing` is not in `[0, 1]`; on the CPU backend when a
/// target is no class.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>, smoothing: f64) -> Tensor<1> {
    let ([rows, classes], [number]) = (logits.dims(), targets.dims());
    assert_eq!(rows, number, "cross-entropy of {rows} rows needs as many targets, got {number}");
    assert!(classes > 0, "cross-entropy needs at least one class");
    assert!((0.0..=1.0).contains(&smoothing), "a smoothing of {smoothing} is not in [0, 1]");
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as CrossEntropyOps>::cross_entropy_rows(logits, targets, smoothing))
}
