use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{TextEncoder, TextMode};

use crate::block::TransformerInit;
use crate::layers::normal;
use crate::{Activation, EncoderError, Transformer, TransformerConfig};

/// Which token's vector stands for the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPooling {
    /// The first token with the largest id: the end of text in CLIP's vocabulary and any other that puts it last.
    #[default]
    Argmax,
    /// The first token with this id, for vocabularies whose end of text is not their last entry.
    Eot(u32),
}

/// Configuration of a [`TextTransformer`]; the default is clip-rocket's with 12 layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextTransformerConfig {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Longest sequence of tokens.
    pub context_length: usize,
    /// Length of a token's vector.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Non-linearity of the MLP, which is four times as wide as the tokens.
    pub activation: Activation,
    /// Which token stands for the text.
    pub pooling: TextPooling,
    /// Dropout on the residual stream at the entrance of every block, in [`TextMode::Local`] only.
    pub dropout: f64,
}

impl Default for TextTransformerConfig {
    fn default() -> Self {
        TextTransformerConfig {
            vocab_size: 49_408,
            context_length: 77,
            width: 512,
            depth: 12,
            heads: 8,
            activation: Activation::QuickGelu,
            pooling: TextPooling::Argmax,
            dropout: 0.0,
        }
    }
}

/// CLIP's causal text transformer: learned positions, pre-norm blocks, a last layer normalisation, the vector of the
/// end-of-text token. Padding behind that token is invisible to it.
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
    #[module(skip)]
    pooling: TextPooling,
}

impl TextTransformerConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When a size is impossible or the end-of-text id lies outside the vocabulary.
    pub fn init(&self, device: &Device) -> Result<TextTransformer, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("text transformer", problem));
        if self.vocab_size == 0 || self.context_length < 2 {
            let TextTransformerConfig { vocab_size, context_length, .. } = self;
            return refuse(format!(
                "vocab_size {vocab_size} must be at least 1, context_length {context_length} at least 2"
            ));
        }
        if let TextPooling::Eot(id) = self.pooling
            && id as usize >= self.vocab_size
        {
            return refuse(format!("end-of-text id {id} lies outside the vocabulary of {}", self.vocab_size));
        }
        let transformer = TransformerConfig {
            width: self.width,
            depth: self.depth,
            heads: self.heads,
            mlp_ratio: 4.0,
            activation: self.activation,
            norm_eps: 1e-5,
            dropout: self.dropout,
            init: TransformerInit::Clip,
        }
        .init(device)?;
        Ok(TextTransformer {
            tokens: EmbeddingConfig::new(self.vocab_size, self.width).with_initializer(normal(0.02)).init(device),
            positions: normal(0.01).init([self.context_length, self.width], device),
            transformer,
            norm: LayerNormConfig::new(self.width).init(device),
            width: self.width,
            pooling: self.pooling,
        })
    }
}

impl TextTransformer {
    /// The position of the pooled token in each row, `[batch, 1]`.
    fn pooled_position(&self, tokens: &Tensor<2, Int>) -> Tensor<2, Int> {
        match self.pooling {
            TextPooling::Argmax => tokens.clone().argmax(1),
            TextPooling::Eot(id) => tokens.clone().equal_elem(id).int().argmax(1),
        }
    }
}

impl TextEncoder for TextTransformer {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<2> {
        let [batch, length] = tokens.dims();
        let context = self.positions.dims()[0];
        assert!(length <= context, "this encoder takes at most {context} tokens, got {length}");
        let device = tokens.device();
        let positions = self.positions.val().slice([0..length, 0..self.width]).unsqueeze::<3>();
        let x = self.tokens.forward(tokens.clone()) + positions;
        let causal: Tensor<2, Bool> = Tensor::<2, Int>::ones([length, length], &device).triu(1).bool();
        let x = self.transformer.forward(x, Some(causal), mode == TextMode::Local);
        let pooled = self.pooled_position(&tokens).reshape([batch, 1, 1]).expand([batch, 1, self.width]);
        self.norm.forward(x.gather(1, pooled).reshape([batch, self.width]))
    }
}
