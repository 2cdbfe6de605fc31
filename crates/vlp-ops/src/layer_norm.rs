//! Layer normalisation in one pass each way.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::precision::{narrowed, widened};

/// Layer normalisation over the last axis, whose length is that of gamma and beta.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait LayerNormOps: Backend {
    /// `γ (x - μ) / √(σ² + ε) + β` alone.
    #[fusion(default)]
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm_with_statistics(x, gamma, beta, epsilon).0
    }

    /// The same, the means and the reciprocal standard deviations, `[rows, 1]` each.
    #[fusion(default)]
    fn layer_norm_with_statistics(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::<Self>(x, gamma, beta, epsilon)
    }

    /// The gradients of x, gamma and beta.
    #[fusion(default)]
    fn layer_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed_backward::<Self>([x, gamma, mean, inverse, gradient])
    }
}

#[cfg(feature = "cubecl")]
impl LayerNormOps for burn_cubecl::CubeBackend {}

/// Rows of so many columns.
fn rows_of<B: Backend>(x: FloatTensor<B>, width: usize) -> FloatTensor<B> {
    let rows = x.shape().num_elements() / width;
    B::float_reshape(x, [rows, width].into())
}

pub(crate) fn composed<B: Backend>(
    x: FloatTensor<B>,
    gamma: FloatTensor<B>,
    beta: FloatTensor<B>,
    epsilon: f64,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (dtype, shape, width) = (x.dtype(), x.shape(), gamma.shape()[0]);
    let [x, gamma, beta] = [x, gamma, beta].map(|x| rows_of::<B>(widened::<B>(x), width));
    let mean = B::float_mean_dim(x.clone(), 1);
    let centred = B::float_sub(x, mean.clone());
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred.clone()), 1);
    let inverse = B::float_recip(B::float_sqrt(B::float_add_scalar(variance, epsilon.into())));
    let y = B::float_add(B::float_mul(B::float_mul(centred, inverse.clone()), gamma), beta);
    (narrowed::<B>(B::float_reshape(y, shape), dtype), mean, inverse)
}

pub(crate) fn composed_backward<B: Backend>(
    [x, gamma, mean, inverse, gradient]: [FloatTensor<B>; 5],
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let (dtype, shape, of_gamma, width) = (x.dtype(), x.shape(), gamma.dtype(), gamma.shape()[0]);
    let [x, gamma, gradient] = [x, gamma, gradient].map(|x| rows_of::<B>(widened::<B>(x), width));
    let normal = B::float_mul(B::float_sub(x, mean), inverse.clone());
    let along = B::float_mul(gradient.clone(), normal.clone());
    let scaled = B::float_mul(gradient.clone(), gamma);
    let of_mean = B::float_mean_dim(scaled.clone(), 1);
    let of_deviation = B::float_mean_dim(B::float_mul(scaled.clone(), normal.clone()), 1);
    let d_x = B::float_sub(B::float_sub(scaled, of_mean), B::float_mul(normal, of_deviation));
    let d_x = B::float_reshape(B::float_mul(d_x, inverse), shape);
    let of_column = |x| narrowed::<B>(B::float_reshape(B::float_sum_dim(x, 0), [width].into()), of_gamma);
    (narrowed::<B>(d_x, dtype), of_column(along), of_column(gradient))
}

#[derive(Debug)]
struct LayerNorm;

impl<B: Backend + LayerNormOps> Backward<B, 3> for LayerNorm {
    /// x, gamma, means, reciprocal standard deviations.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (x, gamma, mean, inverse) = ops.state;
        let (x, gamma, beta) = B::layer_norm_backward(x, gamma, mean, inverse, gradient);
        for (parent, gradient) in ops.parents.into_iter().zip([x, gamma, beta]) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

impl<B: Backend + LayerNormOps, C: CheckpointStrategy> LayerNormOps for Autodiff<B, C> {
    fn layer_norm_rows(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        match LayerNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (y, mean, inverse) = B::layer_norm_with_statistics(x.clone(), gamma.clone(), beta, epsilon);
                prep.finish((x, gamma, mean, inverse), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::layer_norm_rows(x, gamma, beta, epsilon)),
        }
    }
}

/// Layer normalisation over the last axis (Ba, Kiros and Hinton 2016) with its own backward pass.
///
/// ```text
/// n = (x - μ) / √(σ² + ε)        y = γ n + β        μ and σ² the mean and the biased variance of a row
/// dx = (dy γ - mean(dy γ) - n mean(dy γ n)) / √(σ² + ε)      dγ = Σ dy n      dβ = Σ dy, over rows
/// ```
///
/// Kept for the backward pass are x and two numbers for each row. Statistics are computed in f32 for half-precision inputs, whose
/// result has the type of x.
///
/// # Shapes
/// - x and result: `[..., width]`
/// - gamma, beta: `[width]`; no beta adds nothing
///
/// # Panics
/// When gamma or beta have another length than the last axis, or that is 0.
pub fn layer_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, beta: Option<Tensor<1>>, epsilon: f64) -> Tensor<D> {
    let width = x.dims()[D - 1];
    assert!(width > 0, "layer normalisation needs a last axis of at least one number");
    let beta = beta.unwrap_or_else(|| gamma.zeros_like().detach());
    for (name, length) in [("gamma", gamma.dims()[0]), ("beta", beta.dims()[0])] {
        assert_eq!(length, width, "layer normalisation of rows of {width} needs a {name} of that length, got {length}");
    }
    Tensor::from_dispatch(<Dispatch as LayerNormOps>::layer_norm_rows(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    ))
}
