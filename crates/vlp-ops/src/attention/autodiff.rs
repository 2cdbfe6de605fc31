use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};

use super::backend::{AttentionOps, Plan};

#[derive(Debug)]
struct Attention;

impl<B: Backend + AttentionOps> Backward<B, 3> for Attention {
    /// q, k, v, the output, the log-sum-exps.
    type State = ([FloatTensor<B>; 3], FloatTensor<B>, FloatTensor<B>, Plan);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let ([q, k, v], output, sums, plan) = ops.state;
        let (q, k, v) = B::attend_backward(q, k, v, output, sums, gradient, plan);
        for (parent, gradient) in ops.parents.into_iter().zip([q, k, v]) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct SelfAttention;

impl<B: Backend + AttentionOps> Backward<B, 1> for SelfAttention {
    /// q, k and v side by side, the output, the log-sum-exps.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, Plan);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let (qkv, output, sums, plan) = ops.state;
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            grads.register::<B>(parent.id, B::self_attend_backward(qkv, output, sums, gradient, plan));
        }
    }
}

impl<B: Backend + AttentionOps, C: CheckpointStrategy> AttentionOps for Autodiff<B, C> {
    fn attend(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        let nodes = [q.node(), k.node(), v.node()];
        let (q, k, v) = (q.into_primitive(), k.into_primitive(), v.into_primitive());
        match Attention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (output, sums) = B::attend_keeping(q.clone(), k.clone(), v.clone(), plan);
                prep.finish(([q, k, v], output.clone(), sums, plan), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::attend(q, k, v, plan)),
        }
    }

    fn self_attend(qkv: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        let nodes = [qkv.node()];
        let qkv = qkv.into_primitive();
        match SelfAttention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (output, sums) = B::self_attend_keeping(qkv.clone(), plan);
                prep.finish((qkv, output.clone(), sums, plan), output)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::self_attend(qkv, plan)),
        }
    }
}
