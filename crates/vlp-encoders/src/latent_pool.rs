use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use vlp_ops::{AttentionOptions, attention};

use crate::attention::project_parts;
use crate::block::TransformerConfig;
use crate::layers::{linear, normal, over_rows};
use crate::{Activation, LayerNorm};

/// SigLIP's attention pooling ("MAP head", Zhai et al. 2022): one learned query attends to all tokens, then
/// `y + mlp(norm y)`. timm calls it `attn_pool`.
#[derive(Module, Debug)]
pub struct LatentPool {
    /// The query before its projection, `[1, 1, width]`.
    pub latent: Param<Tensor<3>>,
    /// `[width, width]`.
    pub q: Linear,
    /// `[width, 2 * width]`: columns of keys, values.
    pub kv: Linear,
    /// `[width, width]`.
    pub out: Linear,
    /// Before the MLP.
    pub norm: LayerNorm,
    /// First layer of the MLP.
    pub fc_1: Linear,
    /// Second layer of the MLP.
    pub fc_2: Linear,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl LatentPool {
    /// With the widths and the initialisation of the transformer in front of it.
    pub(crate) fn new(config: &TransformerConfig, device: &Device) -> Self {
        let (width, hidden) = (config.width, config.hidden());
        let init = config.init.block(width, hidden, config.depth);
        LatentPool {
            latent: normal((width as f64).powf(-0.5)).init([1, 1, width], device),
            q: linear([width, width], init.qkv.0.clone(), Some(init.qkv.1.clone()), device),
            kv: linear([width, 2 * width], init.qkv.0, Some(init.qkv.1), device),
            out: linear([width, width], init.out.0, Some(init.out.1), device),
            norm: LayerNorm::new(width, config.norm_eps, device),
            fc_1: linear([width, hidden], init.fc_1.0, Some(init.fc_1.1), device),
            fc_2: linear([hidden, width], init.fc_2.0, Some(init.fc_2.1), device),
            heads: config.heads,
            activation: config.activation,
        }
    }

    /// Pools the tokens of each sample by attention from a learned query.
    ///
    /// # Shapes
    /// - tokens: `[batch, length, width]`
    /// - returns `[batch, width]`
    pub fn forward(&self, tokens: Tensor<3>) -> Tensor<2> {
        let [batch, length, width] = tokens.dims();
        let q = over_rows(&self.q, self.latent.val().cast(tokens.dtype())).expand([batch, 1, width]);
        let rows = tokens.reshape([batch * length, width]);
        let [k, v] = project_parts(&self.kv, rows, width).map(|part| part.reshape([batch, length, width]));
        let context = attention(q, k, v, AttentionOptions::new(self.heads));
        let x = over_rows(&self.out, context.reshape([batch, width]));
        let hidden = self.activation.forward(over_rows(&self.fc_1, self.norm.forward(x.clone())));
        x + over_rows(&self.fc_2, hidden)
    }
}
