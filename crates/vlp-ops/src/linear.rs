//! A linear layer whose bias costs no pass of its own.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::precision::{narrowed, widened};

/// `x W + b` for the rows of a matrix. Where the backend has a product that adds to what is there, the bias goes in that way.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait LinearOps: Backend {
    /// `x W + b`: x `[rows, inputs]`, W `[inputs, outputs]`, b `[outputs]`.
    #[fusion(default)]
    fn linear_rows(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, Some(bias))
    }

    /// `dy Wᵀ`.
    #[fusion(default)]
    fn linear_rows_d_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_x_backward(weight, gradient)
    }

    /// `xᵀ dy`.
    #[fusion(default)]
    fn linear_rows_d_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear_weight_backward(x, gradient)
    }

    /// The columns' sums of dy, taken in f32 for half precision.
    #[fusion(default)]
    fn linear_rows_d_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let dtype = gradient.dtype();
        narrowed::<Self>(Self::linear_bias_backward(widened::<Self>(gradient)), dtype)
    }
}

#[cfg(feature = "cubecl")]
impl LinearOps for burn_cubecl::CubeBackend {}

#[derive(Debug)]
struct Linear;

impl<B: Backend + LinearOps> Backward<B, 3> for Linear {
    /// x where the weight learns, the weight where x does.
    type State = (Option<FloatTensor<B>>, Option<FloatTensor<B>>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([of_x, of_weight, of_bias], (x, weight)) = (ops.parents, ops.state);
        if let Some((parent, weight)) = of_x.zip(weight) {
            grads.register::<B>(parent.id, B::linear_rows_d_x(weight, gradient.clone()));
        }
        if let Some((parent, x)) = of_weight.zip(x) {
            grads.register::<B>(parent.id, B::linear_rows_d_weight(x, gradient.clone()));
        }
        if let Some(parent) = of_bias {
            grads.register::<B>(parent.id, B::linear_rows_d_bias(gradient));
        }
    }
}

impl<B: Backend + LinearOps, C: CheckpointStrategy> LinearOps for Autodiff<B, C> {
    fn linear_rows(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let nodes = [x.node(), weight.node(), bias.node()];
        let (x_learns, weight_learns) = (x.is_tracked(), weight.is_tracked());
        let (x, weight, bias) = (x.into_primitive(), weight.into_primitive(), bias.into_primitive());
        match Linear.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = (weight_learns.then(|| x.clone()), x_learns.then(|| weight.clone()));
                prep.finish(state, B::linear_rows(x, weight, bias))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::linear_rows(x, weight, bias)),
        }
    }
}

/// A linear layer, `y = x W + b`, over the last axis.
///
/// On the CPU backend the product is added to rows that hold the bias already, and the bias's gradient is summed on all threads;
/// elsewhere these are burn's own operations. Kept for the backward pass are x, if the weight learns, and the weight, if x does.
///
/// # Shapes
/// - x: `[..., inputs]`; result: `[..., outputs]`
/// - weight: `[inputs, outputs]`
/// - bias: `[outputs]`
///
/// # Panics
/// When the last axis of x is not the first of the weight, or the bias is not as long as the weight's second.
pub fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let (mut shape, [inputs, outputs]) = (x.dims(), weight.dims());
    assert_eq!(shape[D - 1], inputs, "a linear layer of {inputs} inputs got rows of {}", shape[D - 1]);
    let rows = x.reshape([-1, inputs as isize]);
    shape[D - 1] = outputs;
    let y = match bias {
        Some(bias) => {
            let length = bias.dims()[0];
            assert_eq!(length, outputs, "a linear layer of {outputs} outputs got a bias of {length}");
            let [x, weight, bias] = [rows.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()];
            Tensor::<2>::from_dispatch(<Dispatch as LinearOps>::linear_rows(x, weight, bias))
        }
        None => burn::tensor::module::linear(rows, weight, None),
    };
    y.reshape(shape)
}
