use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::{
    InfoNce, InfoNceConfig, InfoNceTerms, KeyGradients, LogitScale, LogitScaleConfig, LossError, l2_normalize,
};

/// Configuration of [`CyClip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CyClipConfig {
    /// λ₁, the weight of the in-modal term: 0.25.
    pub in_modal: f64,
    /// λ₂, the weight of the cross-modal term: 0.25.
    pub cross_modal: f64,
    /// Whether keys learn too, in all three terms.
    pub key_gradients: KeyGradients,
}

impl Default for CyClipConfig {
    fn default() -> Self {
        CyClipConfig { in_modal: 0.25, cross_modal: 0.25, key_gradients: KeyGradients::Full }
    }
}

/// CyCLIP: CLIP, and similarities that agree within and across modalities.
///
/// ```text
/// x = n(image)   y = n(text)
/// I = 1/N Σ_ij (x_i·x_j - y_i·y_j)²      C = 1/N Σ_ij (x_i·y_j - x_j·y_i)²
/// L = InfoNCE(image, text; s) + λ₁ I + λ₂ C
/// ```
///
/// Goel et al. 2022, "CyCLIP: cyclic contrastive language-image pretraining". I and C are made of cosines and do not
/// depend on the scale. With several ranks each takes its own rows against the rows of all, and the mean over ranks is
/// the loss of the joined batch; the gradient of the keys is that of [`KeyGradients`].
#[derive(Debug, Clone, Copy)]
pub struct CyClip {
    contrastive: InfoNce,
    config: CyClipConfig,
}

/// [`CyClip`] taken apart; every tensor is `[1]`, the parts are without their weights.
#[derive(Debug, Clone)]
pub struct CyClipTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// CLIP's part.
    pub contrastive: InfoNceTerms,
    /// I.
    pub in_modal: Tensor<1>,
    /// C.
    pub cross_modal: Tensor<1>,
}

impl CyClipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When a weight is negative or no number.
    pub fn init(&self) -> Result<CyClip, LossError> {
        LossError::check_coefficient("in_modal", self.in_modal, 0.25)?;
        LossError::check_coefficient("cross_modal", self.cross_modal, 0.25)?;
        let contrastive = InfoNceConfig { key_gradients: self.key_gradients, ..Default::default() };
        Ok(CyClip { contrastive: contrastive.init()?, config: *self })
    }
}

impl CyClip {
    /// The loss of a batch of pairs, with its parts.
    ///
    /// # Shapes
    /// - image, text: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - scale: `[1]`, the inverse temperature itself (not its logarithm)
    ///
    /// # Panics
    /// When `image` and `text` differ in shape or device, or are empty.
    pub fn forward(&self, image: Tensor<2>, text: Tensor<2>, scale: Tensor<1>, ctx: &StepContext<'_>) -> CyClipTerms {
        assert_pair("CyCLIP", &image, &text);
        let key_gradients = self.config.key_gradients;
        let (image, text) = (widened(image), widened(text));
        let rows = image.dims()[0];
        let contrastive = self.contrastive.forward(image.clone(), text.clone(), scale, ctx);
        let (x, y) = (l2_normalize(image), l2_normalize(text));
        // With u = x - y and v = x + y, the cosines' differences are ½ (u vᵀ + v uᵀ) within and ½ (u vᵀ - v uᵀ) across, and
        // sums of their squares need only matrices of dimensions, dim² numbers in place of batch².
        let own = Grams::new(x.clone(), y.clone());
        let all = match (ctx.collective.world(), key_gradients) {
            (1, KeyGradients::Full) => own.clone(),
            _ => Grams::new(key_gradients.gather(x, ctx.collective), key_gradients.gather(y, ctx.collective)),
        };
        let product = |a: Tensor<2>, b: Tensor<2>| (a * b).sum_dim(1).sum();
        let apart = product(own.differences, all.sums) + product(own.sums, all.differences);
        let twisted = product(own.mixed, all.mixed.transpose()) * 2.0;
        let share = 1.0 / (4 * rows) as f64;
        let in_modal = (apart.clone() + twisted.clone()) * share;
        let cross_modal = (apart - twisted) * share;
        let loss = contrastive.clone().loss()
            + in_modal.clone() * self.config.in_modal
            + cross_modal.clone() * self.config.cross_modal;
        CyClipTerms { loss, contrastive, in_modal, cross_modal }
    }
}

/// [`CyClip`] with a scale of its own, as one module: what [`PairLoss`](vlp_core::PairLoss) needs.
#[derive(Module, Debug)]
pub struct CyClipLoss {
    /// s.
    pub scale: LogitScale,
    #[module(skip)]
    cyclip: CyClip,
}

/// Configuration of [`CyClipLoss`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CyClipLossConfig {
    /// Where the scale starts.
    pub scale: LogitScaleConfig,
    /// The loss.
    pub cyclip: CyClipConfig,
}

impl CyClipLossConfig {
    /// Builds the loss with its scale.
    ///
    /// # Errors
    /// When the scale or the loss cannot be built.
    pub fn init(&self, device: &Device) -> Result<CyClipLoss, LossError> {
        Ok(CyClipLoss { scale: self.scale.init(device)?, cyclip: self.cyclip.init()? })
    }
}

impl CyClipLoss {
    /// The loss of a batch of pairs, with its parts.
    ///
    /// # Shapes
    /// - image, text: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    ///
    /// # Panics
    /// When `image` and `text` differ in shape or device, or are empty.
    pub fn forward(&self, image: Tensor<2>, text: Tensor<2>, ctx: &StepContext<'_>) -> CyClipTerms {
        self.cyclip.forward(image, text, self.scale.scale(), ctx)
    }

    /// Clamps the scale to 1..100, as after every optimizer step of CLIP.
    pub fn clamped(self) -> Self {
        CyClipLoss { scale: self.scale.clamped(), ..self }
    }
}

/// What the squares of differences of cosines are made of: with `u = x - y` and `v = x + y`, `x xᵀ - y yᵀ` is
/// `½ (u vᵀ + v uᵀ)` and `x yᵀ - y xᵀ` is `½ (u vᵀ - v uᵀ)`. Each matrix has dim² numbers in place of batch².
#[derive(Clone)]
struct Grams {
    /// `uᵀ u`.
    differences: Tensor<2>,
    /// `vᵀ v`.
    sums: Tensor<2>,
    /// `uᵀ v`.
    mixed: Tensor<2>,
}

impl Grams {
    fn new(x: Tensor<2>, y: Tensor<2>) -> Self {
        let (u, v) = (x.clone() - y.clone(), x + y);
        let gram = |a: &Tensor<2>, b: &Tensor<2>| a.clone().transpose().matmul(b.clone());
        Grams { differences: gram(&u, &u), sums: gram(&v, &v), mixed: gram(&u, &v) }
    }
}
