use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::correlation::Correlation;
use crate::linear::with_slope;
use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::{CorrelationGradient, LossError};

/// Configuration of [`BarLip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BarLipConfig {
    /// λ, the weight of the elements off the diagonal: 5e-3.
    pub off_diagonal: f64,
    /// c, the factor on the whole term: 0.025.
    pub scale: f64,
    /// What a rank's gradient sees of the others' correlation; the paper's runs had [`CorrelationGradient::OwnRank`].
    pub gradient: CorrelationGradient,
}

impl Default for BarLipConfig {
    fn default() -> Self {
        BarLipConfig { off_diagonal: 5e-3, scale: 0.025, gradient: CorrelationGradient::Full }
    }
}

/// The non-contrastive term of BarLIP: the cross-correlation of image and text projections should be the identity.
///
/// ```text
/// C(v, w) = 1/N vᵀ w        T(v, w) = c [Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²]
/// L = [T(v_img, v_txt) + Σ_ab T(v_img^a, v_txt^b)] / (1 + N²)        N strong views in the last sum and divisor
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training". Unlike [`BarlowTwins`](crate::BarlowTwins)
/// nothing is standardised here: the projectors end in a batch normalisation with learnable scale and shift. The term is
/// added to [`ClipRocketLoss`](crate::ClipRocketLoss) with weight 1. Every rank returns the term of the joined batch; the
/// batches of all ranks must be equally large.
#[derive(Debug, Clone, Copy)]
pub struct BarLip {
    config: BarLipConfig,
}

impl BarLipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When λ or the scale is negative or no number.
    pub fn init(&self) -> Result<BarLip, LossError> {
        LossError::check_coefficient("off_diagonal", self.off_diagonal, 5e-3)?;
        LossError::check_coefficient("scale", self.scale, 0.025)?;
        Ok(BarLip { config: *self })
    }
}

impl BarLip {
    /// The loss of cross-correlations over weak and strong views.
    ///
    /// # Shapes
    /// - weak: projections of the weak image and text, each `[batch, dim]`
    /// - strong: projections of N images and N texts, each `[batch, dim]`
    /// - result: `[1]`
    ///
    /// # Panics
    /// When images and texts differ in number of views, shape or device, or are empty.
    pub fn forward(&self, weak: [Tensor<2>; 2], strong: [&[Tensor<2>]; 2], ctx: &StepContext<'_>) -> Tensor<1> {
        let [images, texts] = strong;
        assert_eq!(images.len(), texts.len(), "as many strong texts as strong images are needed");
        let [image, text] = weak;
        let pairs = images.iter().flat_map(|image| texts.iter().map(move |text| (image.clone(), text.clone())));
        let number = (1 + images.len() * texts.len()) as f64;
        let first = self.pair(image, text, ctx);
        pairs.fold(first, |sum, (image, text)| sum + self.pair(image, text, ctx)) * (self.config.scale / number)
    }

    fn pair(&self, image: Tensor<2>, text: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("BarLIP", &image, &text);
        let (image, text) = (widened(image), widened(text));
        let BarLipConfig { off_diagonal, gradient, .. } = self.config;
        let Correlation { distance, gradient, .. } =
            Correlation::new(image.clone(), text.clone(), off_diagonal, gradient, ctx.collective);
        with_slope(distance, &[&image, &text], || {
            (image.clone() * text.clone().matmul(gradient.transpose())).sum_dim(1).sum()
        })
    }
}
