use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear};
use burn::tensor::{Bool, Device, Tensor, activation};
use vlp_ops::linear;

use crate::layers;

/// `softmax(q kᵀ / √d) v` for each head.
///
/// # Shapes
/// - q: `[batch, heads, queries, d]`; k, v: `[batch, heads, keys, d]`
/// - mask: `[queries, keys]`, true where a query must not see a key
/// - returns `[batch, queries, heads * d]`
pub(crate) fn attend(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
    let [batch, heads, queries, head_dim] = q.dims();
    let mut scores = (q * (head_dim as f64).powf(-0.5)).matmul(k.swap_dims(2, 3));
    if let Some(mask) = mask {
        scores = scores.mask_fill(mask.unsqueeze::<4>(), f32::NEG_INFINITY);
    }
    let context = activation::softmax(scores, 3).matmul(v).swap_dims(1, 2);
    context.reshape([batch, queries, heads * head_dim])
}

/// Cuts the last axis of `[batch, length, width]` into heads: `[batch, heads, length, width / heads]`.
pub(crate) fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, length, width] = x.dims();
    x.reshape([batch, length, heads, width / heads]).swap_dims(1, 2)
}

/// Rows under the `N` parts of a fused projection, which has `N * width` columns.
///
/// The weight is cut, not the product: the gradient of a cut fills a tensor of the uncut size. It is read once, because with
/// an adapter every reading multiplies the factors.
pub(crate) fn project_parts<const N: usize>(fused: &Linear, rows: Tensor<2>, width: usize) -> [Tensor<2>; N] {
    let inputs = rows.dims()[1];
    let weight = fused.weight.val();
    let bias = fused.bias.as_ref().map(Param::val);
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

    /// # Shapes
    /// - x: `[batch, length, width]`
    /// - mask: `[length, length]`, true where a query (row) must not see a key (column)
    /// - returns `[batch, length, width]`
    pub fn forward(&self, x: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let rows = x.reshape([batch * length, width]);
        let [q, k, v] = project_parts(&self.qkv, rows, width)
            .map(|part| split_heads(part.reshape([batch, length, width]), self.heads));
        layers::over_rows(&self.out, attend(q, k, v, mask))
    }
}
