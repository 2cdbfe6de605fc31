use serde::{Deserialize, Serialize};

use crate::size::{CONTEXT, VOCABULARY, WIDTH, check_memory, check_sizes};
use crate::{Activation, EncoderError};

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

/// Configuration of a [`TextTransformer`](crate::TextTransformer); the default is clip-rocket's with 12 layers.
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
    /// Dropout on the residual stream at the entrance of every block, in [`TextMode::Local`](vlp_core::TextMode::Local) only.
    pub dropout: f64,
    /// Probability of dropping a branch of the last block for one sample, in [`TextMode::Local`](vlp_core::TextMode::Local) only; rises linearly from
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

    pub(crate) fn check(&self) -> Result<(), EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("text transformer", problem));
        if self.vocab_size == 0 || self.context_length < 2 {
            let TextTransformerConfig { vocab_size, context_length, .. } = self;
            return refuse(format!(
                "vocab_size {vocab_size} must be at least 1, context_length {context_length} at least 2"
            ));
        }
        let sizes = [
            ("vocab_size", self.vocab_size, VOCABULARY),
            ("context_length", self.context_length, CONTEXT),
            ("width", self.width, WIDTH),
        ];
        check_sizes("text transformer", &sizes)?;
        check_memory("text transformer", (self.vocab_size + self.context_length) as f64 * self.width as f64)?;
        if let TextPooling::Eot(id) = self.pooling
            && id as usize >= self.vocab_size
        {
            return refuse(format!("end-of-text id {id} lies outside the vocabulary of {}", self.vocab_size));
        }
        Ok(())
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
