use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{MlpHead, MlpHeadConfig, ProjectionConfig, ProjectionHead};
use vlp_losses::{LogitScale, LogitScaleConfig};

use crate::MethodError;

/// Configuration of [`Slip`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlipConfig {
    /// Length of the vectors that images and texts are compared by.
    pub embed_dim: usize,
    /// Head of either modality in front of that comparison.
    pub head: ProjectionConfig,
    /// Where the logit scale starts.
    pub scale: LogitScaleConfig,
    /// Image head of the self-supervised branch.
    pub ssl_head: MlpHeadConfig,
    /// The loss.
    pub loss: vlp_losses::SlipConfig,
}

impl Default for SlipConfig {
    fn default() -> Self {
        SlipConfig {
            embed_dim: 512,
            head: ProjectionConfig::Linear,
            scale: LogitScaleConfig::default(),
            ssl_head: MlpHeadConfig::slip(),
            loss: vlp_losses::SlipConfig::default(),
        }
    }
}

/// SLIP: CLIP on the weak pair, SimCLR on two strong views of the picture. The captions of strong views are not read.
///
/// ```text
/// weak image ─────── encoder ── head ──┐
/// weak text ──────── encoder ── head ──┴── InfoNCE, scale s
/// strong image 1, 2 ─ the same image encoder ── MLP 4096-4096-256 ── NT-Xent, temperature 0.1
///
/// L = InfoNCE(image, text; s) + 1.0 · NT-Xent(view 1, view 2)
/// ```
///
/// Mu et al. 2021, "SLIP: self-supervision meets language-image pre-training". The image encoder runs three times, each
/// view by itself. On several ranks the released code's keys in CLIP's part carry no gradient; ours do unless
/// `loss.clip.key_gradients` says otherwise.
#[derive(Module, Debug)]
pub struct Slip<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Head on image vectors.
    pub image_head: ProjectionHead,
    /// Head on text vectors.
    pub text_head: ProjectionHead,
    /// Inverse temperature of the contrastive part.
    pub scale: LogitScale,
    /// Head on image vectors of the self-supervised branch.
    pub ssl_head: MlpHead,
    #[module(skip)]
    loss: vlp_losses::Slip,
}

impl SlipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built from the configuration.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<Slip<I, T>, MethodError> {
        Ok(Slip {
            image_head: self.head.init([image.width(), self.embed_dim], device)?,
            text_head: self.head.init([text.width(), self.embed_dim], device)?,
            scale: self.scale.init(device)?,
            ssl_head: self.ssl_head.init(image.width(), device)?,
            loss: self.loss.init()?,
            image,
            text,
        })
    }
}

/// What [`Slip`] compares, `[batch, width]` each, not normalised.
#[derive(Debug, Clone)]
pub struct SlipFeatures {
    /// Weak images and their texts.
    pub pair: [Tensor<2>; 2],
    /// Two strong views of the images.
    pub views: [Tensor<2>; 2],
}

impl Features for SlipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.pair.into_iter().chain(self.views).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        let Ok([image, text, first, second]) = <[Tensor<2>; 4]>::try_from(tensors) else {
            panic!("SLIP's features are 4 tensors, got {number}");
        };
        SlipFeatures { pair: [image, text], views: [first, second] }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for Slip<I, T> {
    type Batch = PairBatch;
    type Features = SlipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    /// Encodes the views that the method reads.
    ///
    /// # Panics
    /// When there are not two strong views.
    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> SlipFeatures {
        let number = batch.strong.len();
        let Ok(strong) = <[_; 2]>::try_from(batch.strong) else {
            panic!("SLIP compares two strong views of the image, {number} were given");
        };
        SlipFeatures {
            pair: [
                self.image_head.forward(self.image.encode(batch.weak.images)),
                self.text_head.forward(self.text.encode(batch.weak.tokens, TextMode::Global)),
            ],
            views: strong.map(|view| self.ssl_head.forward(self.image.encode(view.images))),
        }
    }

    fn objective(&self, features: SlipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let scale = self.scale.scale();
        let terms = self.loss.forward(features.pair, features.views, scale.clone(), ctx);
        StepOutput::new(terms.loss)
            .with_term("accuracy", terms.clip_accuracy)
            .with_term("clip_loss", terms.clip)
            .with_term("ssl_loss", terms.ssl)
            .with_term("scale", scale)
    }

    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        Slip { scale: self.scale.clamped(), ..self }
    }
}

/// The contrastive heads; the self-supervised one is for training only.
impl<I: ImageEncoder, T: TextEncoder> Embedder for Slip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image_head.forward(self.image.encode(images)), strong: None }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        HeadVectors { weak: self.text_head.forward(self.text.encode(tokens, TextMode::Global)), strong: None }
    }
}
