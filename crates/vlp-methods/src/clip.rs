use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{ProjectionConfig, ProjectionHead};
use vlp_losses::{InfoNce, InfoNceConfig, LogitScale, LogitScaleConfig};

use crate::MethodError;

/// Configuration of [`Clip`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipConfig {
    /// Length of the vectors that are compared.
    pub embed_dim: usize,
    /// Head of either modality.
    pub head: ProjectionConfig,
    /// Where the logit scale starts.
    pub scale: LogitScaleConfig,
    /// The loss.
    pub loss: InfoNceConfig,
}

impl Default for ClipConfig {
    fn default() -> Self {
        ClipConfig {
            embed_dim: 256,
            head: ProjectionConfig::Linear,
            scale: LogitScaleConfig::default(),
            loss: InfoNceConfig::default(),
        }
    }
}

/// CLIP: an image and a text encoder, a head each, a learned scale, InfoNCE. It reads the weak view only.
#[derive(Module, Debug)]
pub struct Clip<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Head on image vectors.
    pub image_head: ProjectionHead,
    /// Head on text vectors.
    pub text_head: ProjectionHead,
    /// Inverse temperature.
    pub scale: LogitScale,
    #[module(skip)]
    loss: InfoNce,
}

impl ClipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built from the configuration.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<Clip<I, T>, MethodError> {
        Ok(Clip {
            image_head: self.head.init([image.width(), self.embed_dim], device)?,
            text_head: self.head.init([text.width(), self.embed_dim], device)?,
            scale: self.scale.init(device)?,
            loss: self.loss.init()?,
            image,
            text,
        })
    }
}

/// What [`Clip`] compares, `[batch, embed_dim]` each, not normalised.
#[derive(Debug, Clone)]
pub struct ClipFeatures {
    /// Of the images.
    pub image: Tensor<2>,
    /// Of the texts.
    pub text: Tensor<2>,
}

impl Features for ClipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        vec![self.image, self.text]
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        let Ok([image, text]) = <[Tensor<2>; 2]>::try_from(tensors) else {
            panic!("CLIP's features are 2 tensors, got {number}");
        };
        ClipFeatures { image, text }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for Clip<I, T> {
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
        let scale = self.scale.scale();
        let terms = self.loss.forward(features.image, features.text, scale.clone(), ctx);
        let accuracy = terms.accuracy.clone();
        StepOutput::new(terms.loss()).with_term("accuracy", accuracy).with_term("scale", scale)
    }

    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        Clip { scale: self.scale.clamped(), ..self }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Embedder for Clip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image_head.forward(self.image.encode(images)), strong: None }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: self.text_head.forward(self.text.encode(tokens, TextMode::Global)), strong: None }
    }
}
