//! The Euclidean norm of all numbers of a tensor.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use crate::precision::widened;

/// Euclidean norms without automatic differentiation.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait NormOps: Backend {
    /// `‖x‖` in f32, `[1]`.
    #[fusion(default)]
    fn l2_norm(x: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::<Self>(x)
    }
}

#[cfg(feature = "cubecl")]
impl NormOps for burn_cubecl::CubeBackend {}

/// `h ‖x / h‖` with h the largest magnitude. Rows first: a sum over millions of numbers that threads join as they finish is not
/// repeatable; sums of rows are.
pub(crate) fn composed<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let x = widened::<B>(x);
    let shape = x.shape();
    let width = shape[shape.num_dims() - 1].max(1);
    let x = B::float_reshape(x.clone(), [shape.num_elements() / width, width].into());
    let highest = B::float_clamp_min(B::float_max_abs(x.clone()), f32::MIN_POSITIVE.into());
    let x = B::float_div(x, B::float_reshape(highest.clone(), [1, 1].into()));
    let squares = B::float_sum(B::float_sum_dim(B::float_mul(x.clone(), x), 1));
    B::float_mul(B::float_reshape(B::float_sqrt(squares), [1].into()), B::float_reshape(highest, [1].into()))
}

/// The Euclidean norm of all numbers of x, whose squares neither overflow nor vanish on the way.
///
/// ```text
/// ‖x‖ = h sqrt(Σ (x_i / h)²)      h = max |x_i|
/// ```
///
/// On the CPU backend the squares are summed in f64 instead, in one pass and in one order whatever the number of threads.
///
/// # Shapes
/// - x: any, with at least one number, on a device that does not track gradients
/// - result: `[1]`, f32 where x is in half precision; infinite or NaN where a number is, and infinite where the norm itself is
///   beyond f32
///
/// # Panics
/// When x is empty.
pub fn l2_norm<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    assert!(x.shape().num_elements() > 0, "the norm of a tensor needs a number in it");
    Tensor::from_dispatch(<Dispatch as NormOps>::l2_norm(x.into_dispatch()))
}
