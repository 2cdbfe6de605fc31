use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use crate::backend::SimilarityOps;

#[derive(Debug)]
struct LogSumExp;

impl<B: Backend + SimilarityOps> Backward<B, 3> for LogSumExp {
    /// a, b, scale, the packed result, both, without.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, bool, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (a, b, scale, packed, both, without) = ops.state;
        let keys_learn = ops.parents[1].is_some();
        let (a, b, scale) = B::log_sum_exp_backward(a, b, scale, packed, gradient, both, without, keys_learn);
        for (parent, gradient) in ops.parents.into_iter().zip([a, b, scale]) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct SoftplusSum;

impl<B: Backend + SimilarityOps> Backward<B, 4> for SoftplusSum {
    /// The gradients of the sum with respect to a, b, scale and bias.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let outer = grads.consume::<B>(&ops.node);
        let matrix = B::float_reshape(outer.clone(), [1, 1].into());
        let (a, b, scale, bias) = ops.state;
        let products = [(a, matrix.clone()), (b, matrix), (scale, outer.clone()), (bias, outer)];
        for (parent, (inner, outer)) in ops.parents.into_iter().zip(products) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, B::float_mul(inner, outer));
            }
        }
    }
}

impl<B: Backend + SimilarityOps, C: CheckpointStrategy> SimilarityOps for Autodiff<B, C> {
    fn log_sum_exp(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        both: bool,
        without: Vec<usize>,
    ) -> FloatTensor<Self> {
        let nodes = [a.node(), b.node(), scale.node()];
        let (a, b, scale) = (a.into_primitive(), b.into_primitive(), scale.into_primitive());
        let packed = B::log_sum_exp(a.clone(), b.clone(), scale.clone(), both, without.clone());
        match LogSumExp.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((a, b, scale, packed.clone(), both, without), packed),
            OpsKind::UnTracked(prep) => prep.finish(packed),
        }
    }

    fn softplus_sum(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: Option<usize>,
    ) -> FloatTensor<Self> {
        let nodes = [a.node(), b.node(), scale.node(), bias.node()];
        let inputs = (a.into_primitive(), b.into_primitive(), scale.into_primitive(), bias.into_primitive());
        match SoftplusSum.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (a, b, scale, bias) = inputs;
                let (sum, a, b, scale, bias) = B::softplus_sum_gradients(a, b, scale, bias, positive);
                prep.finish((a, b, scale, bias), sum)
            }
            OpsKind::UnTracked(prep) => {
                let (a, b, scale, bias) = inputs;
                prep.finish(B::softplus_sum(a, b, scale, bias, positive))
            }
        }
    }
}
