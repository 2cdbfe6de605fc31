use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{ProjectionConfig, ProjectionHead};
use vlp_losses::{ClusterTerms, InfoNce, InfoNceConfig, LogitScale, LogitScaleConfig};

use crate::{ClipFeatures, MethodError, NClip, NClipConfig, NClipFeatures};

/// Configuration of [`XClip`]. What [`NClipConfig`] says of the unknown holds here; so do the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct XClipConfig {
    /// Length of the vectors that the contrastive part compares. Known: 512.
    pub embed_dim: usize,
    /// Head of either modality in front of the contrastive part: not known, linear as in CLIP.
    pub clip_head: ProjectionConfig,
    /// Where the logit scale starts.
    pub scale: LogitScaleConfig,
    /// The contrastive part.
    pub clip: InfoNceConfig,
    /// The part without negatives.
    pub nclip: NClipConfig,
    /// w_c: not known, 1; a reader of the paper reports 0.3.
    pub clip_weight: f64,
    /// w_n: not known, 1; the same reader reports 0.7.
    pub nclip_weight: f64,
}

impl Default for XClipConfig {
    fn default() -> Self {
        XClipConfig {
            embed_dim: 512,
            clip_head: ProjectionConfig::Linear,
            scale: LogitScaleConfig::default(),
            clip: InfoNceConfig::default(),
            nclip: NClipConfig::default(),
            clip_weight: 1.0,
            nclip_weight: 1.0,
        }
    }
}

/// xCLIP-style: CLIP and nCLIP over the same encoders, a head each. It reads the weak view only.
///
/// ```text
/// weak image ── encoder ──┬── head, 512 ───── InfoNCE with texts, scale s
///                         └── head, 32768 ─── nCLIP's loss with texts
/// L = w_c InfoNCE(x, y; s) + w_n [align + λ1 sharp - λ2 smooth]
/// ```
///
/// After Zhou et al. 2023, "Non-contrastive learning meets language-image pre-training", whose text and code were not
/// available. Known: both are trained together, the widths of the heads. No number of the paper is reproduced.
#[derive(Module, Debug)]
pub struct XClip<I: ImageEncoder, T: TextEncoder> {
    /// Encoders and the heads of the part without negatives.
    pub nclip: NClip<I, T>,
    /// Contrastive head on image vectors.
    pub image_head: ProjectionHead,
    /// Contrastive head on text vectors.
    pub text_head: ProjectionHead,
    /// Inverse temperature of the contrastive part.
    pub scale: LogitScale,
    clip_weight: f64,
    nclip_weight: f64,
    #[module(skip)]
    clip: InfoNce,
}

impl XClipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a weight is negative or no number, or a part cannot be built.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<XClip<I, T>, MethodError> {
        MethodError::check_weight("xclip", self.clip_weight, 1.0)?;
        MethodError::check_weight("xclip", self.nclip_weight, 1.0)?;
        Ok(XClip {
            image_head: self.clip_head.init([image.width(), self.embed_dim], device)?,
            text_head: self.clip_head.init([text.width(), self.embed_dim], device)?,
            scale: self.scale.init(device)?,
            clip: self.clip.init()?,
            clip_weight: self.clip_weight,
            nclip_weight: self.nclip_weight,
            nclip: self.nclip.init(image, text, device)?,
        })
    }
}

/// What [`XClip`] compares.
#[derive(Debug, Clone)]
pub struct XClipFeatures {
    /// Of the contrastive heads.
    pub clip: ClipFeatures,
    /// Of the heads that give units.
    pub nclip: NClipFeatures,
}

impl Features for XClipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.clip.into_tensors().into_iter().chain(self.nclip.into_tensors()).collect()
    }

    fn from_tensors(mut tensors: Vec<Tensor<2>>) -> Self {
        let nclip = tensors.split_off(tensors.len().min(2));
        XClipFeatures { clip: ClipFeatures::from_tensors(tensors), nclip: NClipFeatures::from_tensors(nclip) }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for XClip<I, T> {
    type Batch = PairBatch;
    type Features = XClipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> XClipFeatures {
        let [image, text] = self.nclip.vectors(&batch);
        XClipFeatures {
            clip: ClipFeatures {
                image: self.image_head.forward(image.clone()),
                text: self.text_head.forward(text.clone()),
            },
            nclip: self.nclip.features([image, text], batch),
        }
    }

    fn objective(&self, features: XClipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let scale = self.scale.scale();
        let contrast = self.clip.forward(features.clip.image, features.clip.text, scale.clone(), ctx);
        let accuracy = contrast.accuracy.clone();
        let contrast = contrast.loss();
        let ClusterTerms { loss, align, sharp, smooth } = self.nclip.agreement(features.nclip, ctx);
        StepOutput::new(contrast.clone() * self.clip_weight + loss * self.nclip_weight)
            .with_term("accuracy", accuracy)
            .with_term("clip_loss", contrast)
            .with_term("align", align)
            .with_term("sharp", sharp)
            .with_term("smooth", smooth)
            .with_term("scale", scale)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        XClip { nclip: self.nclip.after_update(ctx), scale: self.scale.clamped(), ..self }
    }
}

/// The contrastive heads; those that give units are [`NClip`]'s.
impl<I: ImageEncoder, T: TextEncoder> Embedder for XClip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image_head.forward(self.nclip.image.encode(images)), strong: None }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: self.text_head.forward(self.nclip.text.encode(tokens, TextMode::Global)), strong: None }
    }
}
