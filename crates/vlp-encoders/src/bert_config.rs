use serde::{Deserialize, Serialize};

use crate::{Activation, EncoderError};

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BertPooling {
    /// The mean over the tokens that are no padding (open_clip's `mean_pooler`).
    #[default]
    Mean,
    /// The vector of the first token (open_clip's `cls_last_hidden_state_pooler`).
    First,
    /// The first token's through a linear layer and tanh, BERT's own pooler (open_clip's `cls_pooler`).
    Pooler,
}

/// Configuration of a [`Bert`](crate::Bert); the default is Hugging Face's `roberta-base`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BertConfig {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Entries of the table of positions. RoBERTa's first `pad_id + 1` stand for no token.
    pub positions: usize,
    /// Whether positions are counted from `pad_id + 1` over the tokens that are no padding (RoBERTa), rather than from 0.
    pub offset_positions: bool,
    /// Kinds of tokens, two sentences for BERT; every token here is of the first.
    pub token_types: usize,
    /// The id that fills short texts; no token attends to it.
    pub pad_id: u32,
    /// Length of a token's vector.
    pub width: usize,
    /// Number of layers.
    pub depth: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the MLP.
    pub hidden: usize,
    /// Non-linearity of the MLP.
    pub activation: Activation,
    /// Added to the variance in layer normalisation.
    pub norm_eps: f64,
    /// How tokens become one vector.
    pub pooling: BertPooling,
    /// Dropout on embeddings and branches, in [`TextMode::Local`](vlp_core::TextMode::Local) only.
    pub dropout: f64,
}

impl Default for BertConfig {
    fn default() -> Self {
        BertConfig {
            vocab_size: 50_265,
            positions: 514,
            offset_positions: true,
            token_types: 1,
            pad_id: 1,
            width: 768,
            depth: 12,
            heads: 12,
            hidden: 3072,
            activation: Activation::Gelu,
            norm_eps: 1e-5,
            pooling: BertPooling::Mean,
            dropout: 0.0,
        }
    }
}

impl BertConfig {
    /// Hugging Face's `bert-base-uncased`.
    pub fn bert_base() -> Self {
        BertConfig {
            vocab_size: 30_522,
            positions: 512,
            offset_positions: false,
            token_types: 2,
            pad_id: 0,
            norm_eps: 1e-12,
            ..BertConfig::default()
        }
    }

    /// The most tokens of a text.
    pub fn context_length(&self) -> usize {
        let unused = if self.offset_positions { self.pad_id as usize + 1 } else { 0 };
        self.positions.saturating_sub(unused)
    }

    pub(crate) fn check(&self) -> Result<(), EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("bert", problem));
        let BertConfig { vocab_size, token_types, width, depth, heads, hidden, .. } = *self;
        if [vocab_size, token_types, width, depth, heads, hidden].contains(&0) {
            return refuse(format!(
                "vocab_size {vocab_size}, token_types {token_types}, width {width}, depth {depth}, heads {heads} and hidden \
                 {hidden} must all be at least 1"
            ));
        }
        if !width.is_multiple_of(heads) {
            return refuse(format!("{heads} heads do not divide the width {width}"));
        }
        if self.pad_id as usize >= vocab_size {
            return refuse(format!("pad_id {} lies outside the vocabulary of {vocab_size}", self.pad_id));
        }
        if self.context_length() == 0 {
            return refuse(format!("{} positions leave no place for a token", self.positions));
        }
        if !(self.norm_eps.is_finite() && self.norm_eps > 0.0) {
            return refuse(format!("norm_eps {} must be positive", self.norm_eps));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(format!("dropout {} is not in [0, 1)", self.dropout));
        }
        Ok(())
    }
}
