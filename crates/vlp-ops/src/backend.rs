use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata, backend_extension};

use crate::composed;

/// Similarities of two sets of vectors, `X = s a bᵀ` with a `[rows, dim]`, b `[columns, dim]` and s `[1]`, reduced
/// without ever being held whole. The default bodies are chunks of the backend's own operations.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    Cube: cfg(feature = "cubecl"),
    LibTorch: cfg(feature = "tch"),
    Autodiff,
    Fusion: cfg(feature = "cubecl"),
)]
pub(crate) trait SimilarityOps: Backend {
    /// `[rows + rows + columns]`: log-sum-exps of the rows, the column of each row's largest entry and, if `both`,
    /// log-sum-exps of the columns. Column `o + i` of row i is left out for every o of `without`.
    #[fusion(dtype = a, shape = composed::packed_shape(a, b, *both))]
    fn log_sum_exp(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        both: bool,
        without: Vec<usize>,
    ) -> FloatTensor<Self> {
        let step = composed::rows_of_chunk(b.shape()[0]);
        composed::log_sum_exp::<Self>(a, b, scale, both, &without, step)
    }

    /// The gradients with respect to a, b and s, from what [`Self::log_sum_exp`] returned and the gradient of that. Unless
    /// `keys_learn`, b itself stands for its gradient, which takes a quarter of the time and is not computed.
    #[fusion(meta = |a, b, scale, _packed, _gradient, _both, _without, _keys_learn| (a.clone(), b.clone(), scale.clone()))]
    #[allow(clippy::too_many_arguments, reason = "the interface of backend extensions knows no structs of numbers")]
    fn log_sum_exp_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        packed: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        both: bool,
        without: Vec<usize>,
        keys_learn: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let step = composed::rows_of_chunk(b.shape()[0]);
        composed::log_sum_exp_backward::<Self>([a, b, scale], packed, gradient, both, &without, keys_learn, step)
    }

    /// `Σ softplus(z (X + bias))`, `[1]`; z is -1 in column `positive + i` of every row i, 1 elsewhere.
    #[fusion(dtype = scale, shape = scale)]
    fn softplus_sum(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: Option<usize>,
    ) -> FloatTensor<Self> {
        let step = composed::rows_of_chunk(b.shape()[0]);
        composed::softplus_sum::<Self>(a, b, scale, bias, positive, step)
    }

    /// The sum and its gradients with respect to a, b, s and the bias.
    #[fusion(meta = |a, b, scale, bias, _positive| (scale.clone(), a.clone(), b.clone(), scale.clone(), bias.clone()))]
    #[allow(clippy::type_complexity, reason = "the macro must see a tuple of tensors")]
    fn softplus_sum_gradients(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        positive: Option<usize>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let step = composed::rows_of_chunk(b.shape()[0]);
        composed::softplus_sum_gradients::<Self>(a, b, scale, bias, positive, step)
    }

    /// Softmax over the rows of `[rows, columns]`: the shares, the logits less the highest of their row, and
    /// `[rows, 2]`, each row's highest logit and the logarithm of its sum of exponentials relative to it.
    #[fusion(meta = |x| composed::row_softmax_specs(x))]
    fn row_softmax(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        composed::row_softmax::<Self>(x)
    }
}

#[cfg(feature = "cubecl")]
impl SimilarityOps for burn_cubecl::CubeBackend {}
