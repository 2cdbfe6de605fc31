use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Device, Int, Tensor};
use vlp_core::{Precision, TextEncoder, TextMode};

use crate::layers::normal;
use crate::text_config::{TextPooling, TextTransformerConfig};
use crate::{EncoderError, LayerNorm, Transformer, TransformerConfig, TransformerInit};

/// The text transformer of CLIP (causal, pooled at the end of text) and of SigLIP (both ways, pooled at the end of the
/// sequence): learned positions, pre-norm blocks, a last layer normalisation, the vector of one token.
///
/// With a causal mask, padding behind the pooled token is invisible to it. The last normalisation looks at one token, so
/// open_clip's `final_ln_after_pool` makes no difference here.
#[derive(Module, Debug)]
pub struct TextTransformer {
    /// `[vocab_size, width]`.
    pub tokens: Embedding,
    /// `[context_length, width]`.
    pub positions: Param<Tensor<2>>,
    /// The blocks.
    pub transformer: Transformer,
    /// After the last block.
    pub norm: LayerNorm,
    width: usize,
    causal: bool,
    #[module(skip)]
    pooling: TextPooling,
    #[module(skip)]
    precision: Precision,
}

impl TextTransformerConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When a size is impossible or the end-of-text id lies outside the vocabulary.
    pub fn init(&self, device: &Device) -> Result<TextTransformer, EncoderError> {
        self.check()?;
        let transformer = TransformerConfig {
            width: self.width,
            depth: self.depth,
            heads: self.heads,
            mlp_ratio: self.mlp_ratio,
            activation: self.activation,
            norm_eps: self.norm_eps,
            layer_scale: self.layer_scale,
            dropout: self.dropout,
            drop_path: self.drop_path,
            init: TransformerInit::Clip,
        }
        .init(device)?;
        Ok(TextTransformer {
            tokens: EmbeddingConfig::new(self.vocab_size, self.width).with_initializer(normal(0.02)).init(device),
            positions: normal(0.01).init([self.context_length, self.width], device),
            transformer,
            norm: LayerNorm::new(self.width, self.norm_eps, device),
            width: self.width,
            causal: self.causal,
            pooling: self.pooling,
            precision: Precision::F32,
        })
    }
}

impl TextTransformer {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        TextTransformer { precision, ..self }
    }

    /// The vectors of all positions after the last block and normalisation.
    ///
    /// # Shapes
    /// - tokens: `[batch, length]`
    /// - returns `[batch, length, width]`
    ///
    /// # Panics
    /// When a sequence is longer than the context.
    pub fn tokens(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<3> {
        Precision::widened(self.norm.forward(self.run(tokens, mode)))
    }

    /// The vectors after the last block, in the type that the blocks compute in. The table and the positions are f32, sums of their
    /// gradients too.
    fn run(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<3> {
        let [_, length] = tokens.dims();
        let context = self.positions.dims()[0];
        assert!(length <= context, "this encoder takes at most {context} tokens, got {length}");
        let positions = self.positions.val().slice([0..length, 0..self.width]).unsqueeze::<3>();
        let x = vlp_ops::embedding(self.tokens.weight.val(), tokens) + positions;
        self.transformer.forward(self.precision.narrow(x), self.causal, mode == TextMode::Local)
    }

    /// The vector of the pooled token in each row.
    fn pool(&self, x: Tensor<3>, tokens: Tensor<2, Int>) -> Tensor<2> {
        let [batch, length, width] = x.dims();
        let position = match self.pooling {
            TextPooling::Argmax => tokens.argmax(1),
            TextPooling::Eot(id) => tokens.equal_elem(id).int().argmax(1),
            TextPooling::First => return x.slice([0..batch, 0..1]).reshape([batch, width]),
            TextPooling::Last => return x.slice([0..batch, length - 1..length]).reshape([batch, width]),
        };
        let position = position.reshape([batch, 1, 1]).expand([batch, 1, width]);
        x.gather(1, position).reshape([batch, width])
    }
}

impl TextEncoder for TextTransformer {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2> {
        let x = self.run(tokens.clone(), mode);
        self.norm.forward(Precision::widened(self.pool(x, tokens)))
    }
}
