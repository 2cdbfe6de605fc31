//! Rows of length one in one pass each way.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::precision::{narrowed, widened};

/// The least norm that a row is divided by, PyTorch's.
pub(crate) const FLOOR: f64 = 1e-12;

/// Division of rows by their Euclidean norm.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait NormalizeOps: Backend {
    /// The rows of x alone.
    #[fusion(default)]
    fn unit_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::unit_rows_with_norms(x).0
    }

    /// `x / max(‖x‖, 1e-12)` for x `[rows, dim]`, and the norms `max(‖x‖, 1e-12)`, `[rows, 1]`.
    #[fusion(default)]
    fn unit_rows_with_norms(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::<Self>(x)
    }

    /// The gradient of x from the rows, their norms and the rows' gradient.
    #[fusion(default)]
    fn unit_rows_backward(
        y: FloatTensor<Self>,
        norms: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed_backward::<Self>(y, norms, gradient)
    }
}

#[cfg(feature = "cubecl")]
impl NormalizeOps for burn_cubecl::CubeBackend {}

pub(crate) fn composed<B: Backend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>) {
    let dtype = x.dtype();
    let x = widened::<B>(x);
    let squares = B::float_sum_dim(B::float_mul(x.clone(), x.clone()), 1);
    let norms = B::float_sqrt(B::float_clamp_min(squares, (FLOOR * FLOOR).into()));
    (narrowed::<B>(B::float_div(x, norms.clone()), dtype), norms)
}

pub(crate) fn composed_backward<B: Backend>(
    y: FloatTensor<B>,
    norms: FloatTensor<B>,
    gradient: FloatTensor<B>,
) -> FloatTensor<B> {
    let dtype = y.dtype();
    let [y, gradient] = [y, gradient].map(widened::<B>);
    let along = B::float_sum_dim(B::float_mul(y.clone(), gradient.clone()), 1);
    // Below the floor the norm is a constant: nothing is taken away there.
    let settings = burn::backend::get_device_settings::<B>(&norms.device());
    let floored = B::float_lower_equal_elem(norms.clone(), FLOOR.into(), settings.bool_dtype);
    let along = B::float_mask_fill(along, floored, 0.0.into());
    let across = B::float_sub(gradient, B::float_mul(y, along));
    narrowed::<B>(B::float_div(across, norms), dtype)
}

#[derive(Debug)]
struct UnitRows;

impl<B: Backend + NormalizeOps> Backward<B, 1> for UnitRows {
    /// The rows of length one and the norms.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([parent], (y, norms)) = (ops.parents, ops.state);
        if let Some(parent) = parent {
            grads.register::<B>(parent.id, B::unit_rows_backward(y, norms, gradient));
        }
    }
}

impl<B: Backend + NormalizeOps, C: CheckpointStrategy> NormalizeOps for Autodiff<B, C> {
    fn unit_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        match UnitRows.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (y, norms) = B::unit_rows_with_norms(x);
                prep.finish((y.clone(), norms), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::unit_rows(x)),
        }
    }
}

/// Divides every row by its Euclidean norm, at least 1e-12: `x / max(‖x‖₂, 1e-12)`, as PyTorch's `normalize`.
///
/// ```text
/// y = x / n, n = max(‖x‖, 1e-12)      dx = (dy - y (y · dy)) / n, without the second term where n is the floor
/// ```
///
/// A row of zeros stays zero and receives a finite gradient. Kept for the backward pass are the result and the norms. Sums are taken
/// in f32 for half-precision rows.
///
/// # Shapes
/// - x and result: `[rows, dim]`
pub fn l2_normalize(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as NormalizeOps>::unit_rows(x.into_dispatch()))
}
