use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{ProjectionConfig, ProjectionHead};
use vlp_losses::{Sigmoid, SigmoidConfig};

use crate::{ClipFeatures, MethodError};

/// Configuration of [`SigLip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigLipConfig {
    /// Length of the vectors that are compared.
    pub embed_dim: usize,
    /// Head on image vectors; SigLIP's released models have none, their attention pooling projects.
    pub image_head: ProjectionConfig,
    /// Head on text vectors; SigLIP's released models have one with a bias.
    pub text_head: ProjectionConfig,
    /// Whether the scale is kept within 1 and 100 as in open_clip; the paper keeps it free.
    pub clamp_scale: bool,
    /// The loss, with its scale and bias.
    pub loss: SigmoidConfig,
}

impl Default for SigLipConfig {
    fn default() -> Self {
        SigLipConfig {
            embed_dim: 256,
            image_head: ProjectionConfig::Linear,
            text_head: ProjectionConfig::Linear,
            clamp_scale: false,
            loss: SigmoidConfig::default(),
        }
    }
}

/// SigLIP: every image-text pair of the batch is a yes-or-no question. It reads the weak view only.
///
/// ```text
/// weak image ── encoder ── head ──┐
/// weak text ─── encoder ── head ──┴── l_ij = s cos + β ── -1/N Σ_ij log σ(z_ij l_ij)     s starts at 10, β at -10
/// ```
///
/// Zhai et al. 2023, "Sigmoid loss for language image pre-training"; the sign of β is that of the paper's pseudo-code and
/// the released code. Encoders are yours: SigLIP's are in [`vlp_encoders::preset`].
#[derive(Module, Debug)]
pub struct SigLip<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Head on image vectors.
    pub image_head: ProjectionHead,
    /// Head on text vectors.
    pub text_head: ProjectionHead,
    /// The loss, which holds scale and bias.
    pub loss: Sigmoid,
    clamp_scale: bool,
}

impl SigLipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built from the configuration.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<SigLip<I, T>, MethodError> {
        Ok(SigLip {
            image_head: self.image_head.init([image.width(), self.embed_dim], device)?,
            text_head: self.text_head.init([text.width(), self.embed_dim], device)?,
            loss: self.loss.init(device)?,
            clamp_scale: self.clamp_scale,
            image,
            text,
        })
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for SigLip<I, T> {
    type Batch = PairBatch;
    type Features = ClipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> ClipFeatures {
        ClipFeatures {
            image: self.image_head.forward(self.image.encode(batch.weak.images)),
            text: self.text_head.forward(self.text.encode(batch.weak.tokens, TextMode::Global)),
        }
    }

    fn objective(&self, features: ClipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        StepOutput::new(self.loss.forward(features.image, features.text, ctx))
            .with_term("scale", self.loss.scale.scale())
            .with_term("bias", self.loss.bias.val())
    }

    fn after_update(mut self, _ctx: &StepContext<'_>) -> Self {
        if self.clamp_scale {
            self.loss.scale = self.loss.scale.clamped();
        }
        self
    }
}

impl<I: ImageEncoder, T: TextEncoder> Embedder for SigLip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image_head.forward(self.image.encode(images)), strong: None }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: self.text_head.forward(self.text.encode(tokens, TextMode::Global)), strong: None }
    }
}
