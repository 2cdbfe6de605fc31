use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear};
use burn::tensor::{Bool, Device, Tensor, activation, module::linear};

use crate::layers;

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
        let head_dim = width / self.heads;
        let rows = x.reshape([batch * length, width]);
        // The weight is cut in three, not the product: the gradient of a cut fills a tensor of the uncut size.
        let [q, k, v] = [0, 1, 2].map(|part| {
            let columns = part * width..(part + 1) * width;
            let weight = self.qkv.weight.val().slice([0..width, columns.clone()]);
            let bias = self.qkv.bias.as_ref().map(|bias: &Param<Tensor<1>>| bias.val().slice([columns]));
            linear(rows.clone(), weight, bias).reshape([batch, length, self.heads, head_dim]).swap_dims(1, 2)
        });
        let mut scores = (q * (head_dim as f64).powf(-0.5)).matmul(k.swap_dims(2, 3));
        if let Some(mask) = mask {
            scores = scores.mask_fill(mask.unsqueeze::<4>(), f32::NEG_INFINITY);
        }
        let context = activation::softmax(scores, 3).matmul(v).swap_dims(1, 2);
        self.out.forward(context.reshape([batch * length, width])).reshape([batch, length, width])
    }
}
