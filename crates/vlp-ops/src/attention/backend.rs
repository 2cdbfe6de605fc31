use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};

use super::composed;

/// What is the same for every query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) heads: usize,
    pub(crate) causal: bool,
    pub(crate) scale: Option<f64>,
}

impl Plan {
    /// The factor on `q kᵀ`.
    pub(crate) fn scale(&self, width: usize) -> f64 {
        self.scale.unwrap_or_else(|| ((width / self.heads) as f64).powf(-0.5))
    }
}

/// Attention of q `[batch, queries, width]` to k and v `[batch, keys, width]`, heads side by side. The default bodies are
/// chunks of the backend's own operations, or without gradients the backend's own attention. Log-sum-exps are
/// `[batch, heads, queries]`, in f32 for half precision.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait AttentionOps: Backend {
    /// The output alone.
    #[fusion(dtype = q, shape = q)]
    fn attend(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        composed::attend::<Self>(q, k, v, plan)
    }

    /// The output and the log-sum-exps.
    #[fusion(meta = |q, _k, _v, plan| (q.clone(), composed::sums_spec(q, plan)))]
    fn attend_keeping(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        composed::attend_keeping::<Self>([q, k, v], plan, composed::CHUNK)
    }

    /// The gradients of q, k and v from what [`Self::attend_keeping`] returned and the gradient of the output.
    #[fusion(meta = |q, k, v, _output, _sums, _gradient, _plan| (q.clone(), k.clone(), v.clone()))]
    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        output: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::attend_backward::<Self>([q, k, v], [output, sums, gradient], plan, composed::CHUNK)
    }

    /// [`Self::attend`] of queries, keys and values side by side, `[batch, tokens, 3 * width]`.
    #[fusion(dtype = qkv, shape = [qkv[0], qkv[1], qkv[2] / 3].into())]
    fn self_attend(qkv: FloatTensor<Self>, plan: Plan) -> FloatTensor<Self> {
        let [q, k, v] = composed::parts::<Self>(qkv);
        Self::attend(q, k, v, plan)
    }

    /// [`Self::attend_keeping`] of the same.
    #[fusion(meta = |qkv, plan| (composed::output_spec(qkv), composed::sums_spec(qkv, plan)))]
    fn self_attend_keeping(qkv: FloatTensor<Self>, plan: Plan) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [q, k, v] = composed::parts::<Self>(qkv);
        Self::attend_keeping(q, k, v, plan)
    }

    /// The gradient of all three parts side by side.
    #[fusion(dtype = qkv, shape = qkv)]
    fn self_attend_backward(
        qkv: FloatTensor<Self>,
        output: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        plan: Plan,
    ) -> FloatTensor<Self> {
        let [q, k, v] = composed::parts::<Self>(qkv);
        let (q, k, v) = Self::attend_backward(q, k, v, output, sums, gradient, plan);
        Self::float_cat(vec![q, k, v], 2)
    }
}

#[cfg(feature = "cubecl")]
impl AttentionOps for burn_cubecl::CubeBackend {}
