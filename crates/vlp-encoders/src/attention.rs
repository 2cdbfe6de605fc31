use burn::module::Module;
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor};
use vlp_ops::{AttentionOptions, linear, self_attention};

use crate::layers;

/// Rows under the `N` parts of a fused projection, which has `N * width` columns.
///
/// The weight is cut, not the product: the gradient of a cut fills a tensor of the uncut size. It is read once, because with
/// an adapter every reading multiplies the factors.
pub(crate) fn project_parts<const N: usize>(fused: &Linear, rows: Tensor<2>, width: usize) -> [Tensor<2>; N] {
    let inputs = rows.dims()[1];
    let dtype = rows.dtype();
    let weight = fused.weight.val().cast(dtype);
    let bias = fused.bias.as_ref().map(|bias| bias.val().cast(dtype));
    std::array::from_fn(|part| {
        let columns = part * width..(part + 1) * width;
        let weight = weight.clone().slice([0..inputs, columns.clone()]);
        linear(rows.clone(), weight, bias.clone().map(|bias: Tensor<1>| bias.slice([columns])))
    })
}

/// Multi-head self-attention with one fused query-key-value projection, scores scaled by `head_dim^-1/2`.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// `[width, 3 * width]`: columns of queries, keys, values.
    pub qkv: Linear,
    /// `[width, width]`.
    pub out: Linear,
    heads: usize,
}

impl SelfAttention {
    pub(crate) fn new(
        width: usize,
        heads: usize,
        qkv: (Initializer, Initializer),
        out: (Initializer, Initializer),
        device: &Device,
    ) -> Self {
        SelfAttention {
            qkv: layers::linear([width, 3 * width], qkv.0, Some(qkv.1), device),
            out: layers::linear([width, width], out.0, Some(out.1), device),
            heads,
        }
    }

    /// Self-attention over the tokens of each sample.
    ///
    /// # Shapes
    /// - x: `[batch, length, width]`
    /// - returns `[batch, length, width]`
    ///
    /// With `causal`, a token sees only those up to its own position.
    pub fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let options = AttentionOptions::new(self.heads).with_causal(causal);
        layers::over_rows(&self.out, self_attention(layers::over_rows(&self.qkv, x), options))
    }
}
