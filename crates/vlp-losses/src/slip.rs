use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::{InfoNce, InfoNceConfig, LossError, NtXent, NtXentConfig};

/// Configuration of [`Slip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlipConfig {
    /// The contrastive part, on the weak pair.
    pub clip: InfoNceConfig,
    /// The self-supervised part, on two strong image views.
    pub ssl: NtXentConfig,
    /// Weight of the self-supervised part: 1.
    pub ssl_scale: f64,
}

impl Default for SlipConfig {
    fn default() -> Self {
        SlipConfig { clip: InfoNceConfig::default(), ssl: NtXentConfig::default(), ssl_scale: 1.0 }
    }
}

/// SLIP: CLIP on a weak pair, SimCLR on two strong views of the image.
///
/// ```text
/// L = InfoNCE(image, text; s) + ssl_scale NT-Xent(view_1, view_2; τ = 0.1)
/// ```
///
/// Mu et al. 2021, "SLIP: self-supervision meets language-image pre-training". The strong views have a head of their own,
/// so their width may differ. In the released code, on several ranks, the keys of CLIP's part are constants and those of
/// SimCLR's part learn: set [`KeyGradients`](crate::KeyGradients) in `clip` for that; here both learn by default.
#[derive(Debug, Clone, Copy)]
pub struct Slip {
    clip: InfoNce,
    ssl: NtXent,
    ssl_scale: f64,
}

/// [`Slip`] taken apart; every tensor is `[1]`, the parts are without their weights.
#[derive(Debug, Clone)]
pub struct SlipTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// The contrastive part.
    pub clip: Tensor<1>,
    /// Share of images that find their text, without gradient.
    pub clip_accuracy: Tensor<1>,
    /// The self-supervised part.
    pub ssl: Tensor<1>,
}

impl SlipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the weight is negative or no finite number, or a part cannot be built.
    pub fn init(&self) -> Result<Slip, LossError> {
        LossError::check_coefficient("ssl_scale", self.ssl_scale, 1.0)?;
        Ok(Slip { clip: self.clip.init()?, ssl: self.ssl.init()?, ssl_scale: self.ssl_scale })
    }
}

impl Slip {
    /// CLIP's loss and SimCLR's, weighted, with their parts.
    ///
    /// # Shapes
    /// - weak: image and text vectors, each `[batch, dim]`, not normalised
    /// - views: projections of two strong views of the image, each `[batch, dim']`, not normalised
    /// - scale: `[1]`, the inverse temperature itself (not its logarithm)
    ///
    /// # Panics
    /// When image and text, or the views, differ in shape or device, or both parts in rows.
    pub fn forward(
        &self,
        [image, text]: [Tensor<2>; 2],
        [first, second]: [Tensor<2>; 2],
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> SlipTerms {
        let (weak, strong) = (image.dims()[0], first.dims()[0]);
        assert_eq!(weak, strong, "SLIP needs the weak pair and the strong views of the same samples");
        let contrast = self.clip.forward(image, text, scale, ctx);
        let clip_accuracy = contrast.accuracy.clone();
        let clip = contrast.loss();
        let ssl = self.ssl.forward(first, second, ctx);
        SlipTerms { loss: clip.clone() + ssl.clone() * self.ssl_scale, clip, clip_accuracy, ssl }
    }
}
