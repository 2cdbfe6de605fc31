use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::{soft_cross_entropy, widened};
use crate::{LossError, Sinkhorn, SinkhornConfig};

/// Configuration of [`SwaLipV1`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwaLipV1Config {
    /// How targets are balanced.
    pub sinkhorn: SinkhornConfig,
}

/// SwALIP with prototypes: each modality predicts the other's balanced assignment to [`Prototypes`](crate::Prototypes).
///
/// ```text
/// A_m = Sinkhorn(sg p_m)     H(Q, P) = -mean_i Σ_k Q_ik log P_ik
/// L = ½ [ H(A_text, softmax(u p_image)) + H(A_image, softmax(u p_text)) ]
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training", first version. Assignments may come from a
/// momentum model's scores instead. The result is not weighted: the paper adds 0.2 of it to CLIP's loss. `u` is a
/// [`LogitScale`](crate::LogitScale) that starts at temperature 0.1.
#[derive(Debug, Clone, Copy)]
pub struct SwaLipV1 {
    sinkhorn: Sinkhorn,
}

impl SwaLipV1Config {
    /// Builds the loss.
    ///
    /// # Errors
    /// When Sinkhorn cannot be built.
    pub fn init(&self) -> Result<SwaLipV1, LossError> {
        Ok(SwaLipV1 { sinkhorn: self.sinkhorn.init()? })
    }
}

impl SwaLipV1 {
    /// The loss of swapped predictions of assignments to prototypes.
    ///
    /// # Shapes
    /// - scores: of images and of texts against the prototypes, each `[batch, prototypes]`
    /// - momentum_scores: the same from the momentum model, to assign by; without, `scores` assign
    /// - scale: `[1]`, the student's inverse temperature itself (not its logarithm)
    /// - result: `[1]`
    ///
    /// # Panics
    /// When shapes or devices differ, or the batch is empty.
    pub fn forward(
        &self,
        scores: [Tensor<2>; 2],
        momentum_scores: Option<[Tensor<2>; 2]>,
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> Tensor<1> {
        let sources = momentum_scores.unwrap_or_else(|| scores.clone());
        scores.iter().chain(&sources).for_each(|other| assert_pair("SwALIP", &scores[0], other));
        let [images, texts] = sources.map(|scores| self.sinkhorn.forward(scores, ctx));
        let scale = widened(scale).unsqueeze::<2>();
        let [image, text] = scores.map(widened);
        (soft_cross_entropy(texts, image, scale.clone()) + soft_cross_entropy(images, text, scale)) / 2.0
    }
}
