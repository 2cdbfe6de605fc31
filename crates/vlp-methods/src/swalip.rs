use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder};
use vlp_losses::ClipRocketLossConfig;

use crate::{ClipRocket, ClipRocketConfig, MethodError, ViewVectors};

/// Configuration of [`SwaLip`]; the default is the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwaLipConfig {
    /// The contrastive part, without label smoothing.
    pub rocket: ClipRocketConfig,
    /// Weight of the swapped prediction: 0.2.
    pub weight: f64,
    /// The swapped prediction.
    pub loss: vlp_losses::SwaLipConfig,
}

impl Default for SwaLipConfig {
    fn default() -> Self {
        let loss = ClipRocketLossConfig { label_smoothing: 0.0, ..ClipRocketLossConfig::default() };
        let rocket = ClipRocketConfig { loss, ..ClipRocketConfig::default() };
        SwaLipConfig { rocket, weight: 0.2, loss: vlp_losses::SwaLipConfig::default() }
    }
}

/// SwALIP: CLIP-rocket, and each strong pair of views predicts the balanced assignment of the opposite views.
///
/// ```text
/// strong views ── CLIP-rocket's strong heads ── h_img^1, h_img^2, h_txt^1, h_txt^2
/// S_img^ab = n(h_img^a) n(h_txt^b)ᵀ  over the texts of all ranks      Q = Sinkhorn(sg S)      a' = the other view than a
/// L = L_rocket + 0.2 · 1/4 Σ_ab ½ [H(Q_img^a'b', softmax(t S_img^ab)) + H(Q_txt^a'b', softmax(t S_txt^ab))]
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training". As in the released code there is no layer of
/// prototypes: the other modality's strong vectors stand in for them, `t` is the strong scale, and the method has no
/// parameter that CLIP-rocket lacks. [`SwaLipV1`](crate::SwaLipV1) is the form with prototypes. It needs exactly 2 strong
/// views and no label smoothing.
#[derive(Module, Debug)]
pub struct SwaLip<I: ImageEncoder, T: TextEncoder> {
    /// Encoders, contrastive heads and scales.
    pub rocket: ClipRocket<I, T>,
    weight: f64,
    #[module(skip)]
    loss: vlp_losses::SwaLip,
}

impl SwaLipConfig {
    /// Checks what needs no device.
    ///
    /// # Errors
    /// When there is label smoothing, or the weight is negative or no number.
    pub(crate) fn check(&self) -> Result<(), MethodError> {
        match self.rocket.loss.label_smoothing {
            0.0 => MethodError::check_weight("swalip", self.weight, 0.2),
            smoothing => Err(MethodError::Smoothing(smoothing)),
        }
    }

    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When there is label smoothing, the weight is negative or no number, or a head or a loss cannot be built.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<SwaLip<I, T>, MethodError> {
        self.check()?;
        let (rocket, loss) = (self.rocket.init(image, text, device)?, self.loss.init()?);
        Ok(SwaLip { rocket, weight: self.weight, loss })
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for SwaLip<I, T> {
    type Batch = PairBatch;
    type Features = ViewVectors;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, ctx: &StepContext<'_>) -> ViewVectors {
        self.rocket.encode(batch, ctx)
    }

    fn objective(&self, features: ViewVectors, ctx: &StepContext<'_>) -> StepOutput {
        let strong = [&features.strong_images[..], &features.strong_texts];
        let swalip = self.loss.forward(strong, self.rocket.strong_scale(), ctx);
        let contrast = self.rocket.objective(features, ctx);
        let loss = contrast.loss + swalip.clone() * self.weight;
        StepOutput { loss, ..contrast }.with_term("swalip", swalip)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        SwaLip { rocket: self.rocket.after_update(ctx), ..self }
    }
}

/// The contrastive heads.
impl<I: ImageEncoder, T: TextEncoder> Embedder for SwaLip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.rocket.embed_images(images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.rocket.embed_texts(tokens)
    }
}
