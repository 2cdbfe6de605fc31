use burn::tensor::{FloatDType, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::soft_cross_entropy::widened;
use vlp_ops::softmax_cross_entropy;

/// Configuration of [`Captioning`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptioningConfig {
    /// Id that fills captions up, which nobody has to predict; 0 in open_clip.
    pub pad_token: u32,
}

/// CoCa's captioning loss: each position of a caption predicts the next token.
///
/// ```text
/// L = -Σ_n Σ_t [w_n,t+1 ≠ pad] log softmax(logits_nt)[w_n,t+1]  /  number of such tokens
/// ```
///
/// Yu et al. 2022, "CoCa: contrastive captioners are image-text foundation models", which adds 2 of it to 1 of InfoNCE;
/// mean over tokens as in open_clip. open_clip takes that mean on every rank by itself; here it runs over the tokens of
/// all ranks, so that the mean over ranks is the loss of the joined batch. A batch of nothing but padding loses 0.
#[derive(Debug, Clone, Copy)]
pub struct Captioning {
    pad_token: u32,
}

impl CaptioningConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// None so far; losses are built alike.
    pub fn init(&self) -> Result<Captioning, LossError> {
        Ok(Captioning { pad_token: self.pad_token })
    }
}

impl Captioning {
    /// The captioning loss of a batch of token sequences.
    ///
    /// # Shapes
    /// - logits: `[batch, length, vocabulary]`, at each position those of the token after it; the last ones are not used
    /// - tokens: `[batch, length]`, ids below the vocabulary, the ones the decoder was fed
    /// - result: `[1]`
    ///
    /// # Panics
    /// When logits and tokens differ in batch or length, or a caption is shorter than two tokens.
    pub fn forward(&self, logits: Tensor<3>, tokens: Tensor<2, Int>, ctx: &StepContext<'_>) -> Tensor<1> {
        let [batch, length, vocabulary] = logits.dims();
        assert_eq!([batch, length], tokens.dims(), "captioning needs one row of logits for every token");
        assert!(length > 1, "captioning predicts the next token: captions of {length} have none");
        let device = logits.device();
        // The last position has no next token: it counts as padding, which is cheaper than cutting the logits.
        let end = Tensor::full([batch, 1], self.pad_token, (&device, tokens.dtype()));
        let answers = Tensor::cat(vec![tokens.slice([0..batch, 1..length]), end], 1).reshape([batch * length]);
        let logits = widened(logits).reshape([batch * length, vocabulary]);
        let padded = answers.clone().equal_elem(self.pad_token);
        let counts = padded.clone().bool_not().float().cast(FloatDType::from(logits.dtype()));
        // Any token of the vocabulary, whatever marks padding.
        let answers = answers.mask_fill(padded, 0);
        let collective = ctx.collective;
        // At least one token, so that captions without any divide by something.
        let counted =
            collective.all_reduce_sum(counts.clone().sum().reshape([1, 1])).clamp_min(1.0) / collective.world() as f64;
        let weights = counts / counted.reshape([1]);
        let losses = softmax_cross_entropy(logits, answers, 0.0) * weights;
        losses.sum()
    }
}
