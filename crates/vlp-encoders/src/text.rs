use burn::module::{Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{TextEncoder, TextMode};

use crate::layers::normal;
use crate::{Activation, EncoderError, Transformer, TransformerConfig, TransformerInit};

/// Which token's vector stands for the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextPooling {
    /// The first token with the largest id: the end of text in CLIP's vocabulary and any other that puts it last.
    #[default]
    Argmax,
    /// The first token with this id, for vocabularies whose end of text is not their last entry.
    Eot(u32),
    /// The first position.
    First,
    /// The last position, whatever it holds: pad every text to the context length (SigLIP, CLIPA).
    Last,
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
    /// Width of the MLP over `width`; the product is rounded down.
    pub mlp_ratio: f64,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
    /// Where LayerScale starts; none: branches are not scaled.
    pub layer_scale: Option<f64>,
    /// Whether a token sees only itself and what precedes it; otherwise it sees all, padding included.
    pub causal: bool,
    /// Which token stands for the text.
    pub pooling: TextPooling,
    /// Dropout on the residual stream at the entrance of every block, in [`TextMode::Local`] only.
    pub dropout: f64,
    /// Probability of dropping a branch of the last block for one sample, in [`TextMode::Local`] only; rises linearly from
    /// the first. clip-rocket's code drops per position by mistake (and never uses it).
    pub drop_path: f64,
}

impl Default for TextTransformerConfig {
    fn default() -> Self {
        TextTransformerConfig {
            vocab_size: 49_408,
            context_length: 77,
            width: 512,
            depth: 12,
            heads: 8,
            mlp_ratio: 4.0,
            activation: Activation::QuickGelu,
            norm_eps: 1e-5,
            layer_scale: None,
            causal: true,
            pooling: TextPooling::Argmax,
            dropout: 0.0,
            drop_path: 0.0,
        }
    }
}

impl TextTransformerConfig {
    /// clip-rocket's smaller tower, with 6 layers, for data sets of the size of CC3M.
    pub fn six_layers() -> Self {
        TextTransformerConfig { depth: 6, ..TextTransformerConfig::default() }
    }

    /// SigLIP's text tower at the width of ViT-B: sees both ways, pools the last position, epsilon 1e-6, exact GELU (the
    /// second version uses [`Activation::GeluTanh`]). Its biased projection is the head's.
    pub fn siglip() -> Self {
        TextTransformerConfig {
            vocab_size: 32_000,
            context_length: 64,
            width: 768,
            heads: 12,
            activation: Activation::Gelu,
            norm_eps: 1e-6,
            causal: false,
            pooling: TextPooling::Last,
            ..TextTransformerConfig::default()
        }
    }
}

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
            norm: LayerNormConfig::new(self.width).with_epsilon(self.norm_eps).init(device),
            width: self.width,
            causal: self.causal,
            pooling: self.pooling,
        })
    }
}

impl TextTransformer {
    /// The vectors of all positions after the last block and normalisation.
    ///
    /// # Shapes
    /// - tokens: `[batch, length]`
    /// - returns `[batch, length, width]`
    ///
    /// # Panics
    /// When a sequence is longer than the context.
    pub fn tokens(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<3> {
        self.norm.forward(self.run(tokens, mode))
    }

    fn run(&self, tokens: Tensor<2, Int>, mode: TextMode) -> Tensor<3> {
        let [_, length] = tokens.dims();
        let context = self.positions.dims()[0];
        assert!(length <= context, "this encoder takes at most {context} tokens, got {length}");
        let device = tokens.device();
        let positions = self.positions.val().slice([0..length, 0..self.width]).unsqueeze::<3>();
        let x = self.tokens.forward(tokens) + positions;
        let mask: Option<Tensor<2, Bool>> =
            self.causal.then(|| Tensor::<2, Int>::ones([length, length], &device).triu(1).bool());
        self.transformer.forward(x, mask, mode == TextMode::Local)
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
        self.norm.forward(self.pool(x, tokens))
    }
}
