//! The smooth gates of transformers, `x` times a cumulative distribution of `x`.

use std::f64::consts::FRAC_1_SQRT_2;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::precision::{narrowed, widened};

/// By which distribution the input is gated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The normal distribution.
    Normal,
    /// Its approximation by tanh, `σ(2u)` with `u = √(2/π) (x + 0.044715 x³)`.
    Tanh,
    /// `σ(1.702 x)`.
    Quick,
}

/// `√(8/π)`: the argument of the logistic function is `2u`.
pub(crate) const TANH_SLOPE: f64 = 1.595_769_121_605_730_7;
/// Coefficient of the cube.
pub(crate) const TANH_CUBE: f64 = 0.044_715;
/// `1 / √(2π)`.
const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;
/// Slope of the quick form.
pub(crate) const QUICK_SLOPE: f64 = 1.702;

/// `x` times a distribution function, with a backward pass that keeps only `x`.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait GeluOps: Backend {
    /// `x F(x)`. On fusing backends the default body, so that it becomes part of what surrounds it.
    #[fusion(default)]
    fn gated(x: FloatTensor<Self>, gate: Gate) -> FloatTensor<Self> {
        composed::<Self>(x, gate)
    }

    /// `dy (F(x) + x F'(x))`.
    #[fusion(default)]
    fn gated_backward(x: FloatTensor<Self>, gradient: FloatTensor<Self>, gate: Gate) -> FloatTensor<Self> {
        composed_backward::<Self>(x, gradient, gate)
    }
}

#[cfg(feature = "cubecl")]
impl GeluOps for burn_cubecl::CubeBackend {}

/// `1 + c x²`.
fn one_and_square<B: Backend>(x: FloatTensor<B>, factor: f64) -> FloatTensor<B> {
    B::float_add_scalar(B::float_mul_scalar(B::float_mul(x.clone(), x), factor.into()), 1.0.into())
}

/// The argument of the logistic function.
fn argument<B: Backend>(x: FloatTensor<B>, gate: Gate) -> FloatTensor<B> {
    if gate == Gate::Quick {
        return B::float_mul_scalar(x, QUICK_SLOPE.into());
    }
    B::float_mul_scalar(B::float_mul(one_and_square::<B>(x.clone(), TANH_CUBE), x), TANH_SLOPE.into())
}

pub(crate) fn composed<B: Backend>(x: FloatTensor<B>, gate: Gate) -> FloatTensor<B> {
    let (dtype, x) = (x.dtype(), widened::<B>(x));
    let y = match gate {
        Gate::Normal => B::gelu(x),
        _ => B::float_mul(B::sigmoid(argument::<B>(x.clone(), gate)), x),
    };
    narrowed::<B>(y, dtype)
}

pub(crate) fn composed_backward<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>, gate: Gate) -> FloatTensor<B> {
    let dtype = x.dtype();
    narrowed::<B>(composed_gradient::<B>(widened::<B>(x), widened::<B>(gradient), gate), dtype)
}

fn composed_gradient<B: Backend>(x: FloatTensor<B>, gradient: FloatTensor<B>, gate: Gate) -> FloatTensor<B> {
    if gate == Gate::Normal {
        // Φ + x φ. The default of burn's own gelu_backward differentiates the form with tanh, 2e-4 off, and has no number for huge inputs.
        let erf = B::float_erf(B::float_mul_scalar(x.clone(), FRAC_1_SQRT_2.into()));
        let share = B::float_mul_scalar(B::float_add_scalar(erf, 1.0.into()), 0.5.into());
        let square = B::float_mul(x.clone(), x.clone());
        let density =
            B::float_mul_scalar(B::float_exp(B::float_mul_scalar(square, (-0.5).into())), DENSITY_AT_0.into());
        return B::float_mul(B::float_add(share, B::float_mul(x, density)), gradient);
    }
    // σ + x σ (1 - σ) a'
    let share = B::sigmoid(argument::<B>(x.clone(), gate));
    let slope = match gate {
        Gate::Tanh => B::float_mul_scalar(one_and_square::<B>(x.clone(), 3.0 * TANH_CUBE), TANH_SLOPE.into()),
        _ => B::float_add_scalar(B::float_mul_scalar(x.clone(), 0.0.into()), QUICK_SLOPE.into()),
    };
    let rest = B::float_add_scalar(B::float_neg(share.clone()), 1.0.into());
    let inner = B::float_add_scalar(B::float_mul(B::float_mul(x, rest), slope), 1.0.into());
    B::float_mul(B::float_mul(share, inner), gradient)
}

#[derive(Debug)]
struct Gated;

impl<B: Backend + GeluOps> Backward<B, 1> for Gated {
    type State = (FloatTensor<B>, Gate);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([parent], (x, gate)) = (ops.parents, ops.state);
        if let Some(parent) = parent {
            grads.register::<B>(parent.id, B::gated_backward(x, gradient, gate));
        }
    }
}

impl<B: Backend + GeluOps, C: CheckpointStrategy> GeluOps for Autodiff<B, C> {
    fn gated(x: FloatTensor<Self>, gate: Gate) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        match Gated.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.clone(), gate), B::gated(x, gate)),
            OpsKind::UnTracked(prep) => prep.finish(B::gated(x, gate)),
        }
    }
}

fn gated<const D: usize>(x: Tensor<D>, gate: Gate) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as GeluOps>::gated(x.into_dispatch(), gate))
}

/// The Gaussian error linear unit, `x Φ(x)` with the distribution function Φ of the normal distribution (Hendrycks and Gimpel 2016).
///
/// ```text
/// y = x Φ(x)      dx = dy (Φ(x) + x φ(x))
/// ```
///
/// The backward pass keeps only the input. On the CPU backend Φ is exact to 5e-7 of its value, also far in the negative tail, where
/// `(1 + erf(x / √2)) / 2` cancels. Half precision is computed in f32.
///
/// # Shapes
/// - x and result: any, the same
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    gated(x, Gate::Normal)
}

/// [`gelu`] with Φ approximated by tanh, as SigLIP uses it: `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
///
/// The backward pass keeps only the input.
///
/// # Shapes
/// - x and result: any, the same
pub fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    gated(x, Gate::Tanh)
}

/// `x σ(1.702 x)`, as OpenAI's CLIP uses it in place of [`gelu`]. The backward pass keeps only the input.
///
/// # Shapes
/// - x and result: any, the same
pub fn quick_gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    gated(x, Gate::Quick)
}
