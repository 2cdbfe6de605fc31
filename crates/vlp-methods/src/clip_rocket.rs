use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{ProjectionConfig, ProjectionHead};
use vlp_losses::{ClipRocketLoss, ClipRocketLossConfig, LogitScale, LogitScaleConfig};

use crate::{MethodError, ViewVectors};

/// Configuration of [`ClipRocket`]; the default is the reference's with `--separate-proj`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipRocketConfig {
    /// Length of the vectors that are compared.
    pub embed_dim: usize,
    /// Head of either modality for weak views.
    pub weak_head: ProjectionConfig,
    /// Head of either modality for strong views; none, in files `"shared"`, shares the weak heads and the weak scale.
    #[serde(with = "crate::strong_head")]
    pub strong_head: Option<ProjectionConfig>,
    /// Where the scale of weak pairs starts.
    pub weak_scale: LogitScaleConfig,
    /// Where the scale of strong pairs starts.
    pub strong_scale: LogitScaleConfig,
    /// The loss.
    pub loss: ClipRocketLossConfig,
}

impl Default for ClipRocketConfig {
    fn default() -> Self {
        ClipRocketConfig {
            embed_dim: 256,
            weak_head: ProjectionConfig::Linear,
            strong_head: Some(ProjectionConfig::Mlp { hidden: 4096 }),
            weak_scale: LogitScaleConfig::default(),
            strong_scale: LogitScaleConfig { temperature: 0.1 },
            loss: ClipRocketLossConfig::default(),
        }
    }
}

/// The heads and the scale that strong views have for themselves.
#[derive(Module, Debug)]
pub struct StrongHeads {
    /// Head on image vectors.
    pub image: ProjectionHead,
    /// Head on text vectors.
    pub text: ProjectionHead,
    /// Inverse temperature.
    pub scale: LogitScale,
}

/// CLIP-rocket, the improved recipe for CLIP: the weak pair goes through linear heads, N strong pairs through their own
/// MLP heads, and each kind is compared under its own scale.
///
/// Every view is a forward pass of its own, so batch normalisation sees one view at a time; strong texts run in
/// [`TextMode::Local`].
#[derive(Module, Debug)]
pub struct ClipRocket<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Head on weak image vectors.
    pub image_head: ProjectionHead,
    /// Head on weak text vectors.
    pub text_head: ProjectionHead,
    /// Inverse temperature of weak pairs.
    pub scale: LogitScale,
    /// What strong views have for themselves; none shares the weak heads and scale.
    pub strong: Option<StrongHeads>,
    #[module(skip)]
    loss: ClipRocketLoss,
}

impl ClipRocketConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built from the configuration.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<ClipRocket<I, T>, MethodError> {
        let (image_shape, text_shape) = ([image.width(), self.embed_dim], [text.width(), self.embed_dim]);
        let strong = match self.strong_head {
            Some(head) => Some(StrongHeads {
                image: head.init(image_shape, device)?,
                text: head.init(text_shape, device)?,
                scale: self.strong_scale.init(device)?,
            }),
            None => None,
        };
        Ok(ClipRocket {
            image_head: self.weak_head.init(image_shape, device)?,
            text_head: self.weak_head.init(text_shape, device)?,
            scale: self.weak_scale.init(device)?,
            strong,
            loss: self.loss.init()?,
            image,
            text,
        })
    }
}

impl<I: ImageEncoder, T: TextEncoder> ClipRocket<I, T> {
    /// Encodes every view, in front of all heads: what methods built on this one give to heads of their own.
    pub fn vectors(&self, batch: PairBatch) -> ViewVectors {
        ViewVectors::encode(&self.image, &self.text, batch)
    }

    /// Passes the encoders' vectors through this method's heads: what it compares, `[batch, embed_dim]` each.
    pub fn project(&self, vectors: &ViewVectors) -> ViewVectors {
        let strong = self.strong.as_ref();
        let strong = [
            strong.map_or(&self.image_head, |strong| &strong.image),
            strong.map_or(&self.text_head, |strong| &strong.text),
        ];
        vectors.through(
            [&|x| self.image_head.forward(x), &|x| self.text_head.forward(x)],
            [&|x| strong[0].forward(x), &|x| strong[1].forward(x)],
        )
    }

    /// The inverse temperature of strong pairs, `[1]`.
    pub fn strong_scale(&self) -> Tensor<1> {
        self.strong.as_ref().map_or(&self.scale, |strong| &strong.scale).scale()
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for ClipRocket<I, T> {
    type Batch = PairBatch;
    type Features = ViewVectors;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> ViewVectors {
        self.project(&self.vectors(batch))
    }

    fn objective(&self, features: ViewVectors, ctx: &StepContext<'_>) -> StepOutput {
        let scale = self.scale.scale();
        let strong_scale = self.strong_scale();
        let terms = self.loss.forward(
            [features.image, features.text],
            [&features.strong_images, &features.strong_texts],
            [scale.clone(), strong_scale.clone()],
            ctx,
        );
        let mut output = StepOutput::new(terms.loss)
            .with_term("accuracy", terms.weak_accuracy)
            .with_term("weak_loss", terms.weak)
            .with_term("scale", scale);
        if let (Some(loss), Some(accuracy)) = (terms.strong, terms.strong_accuracy) {
            output = output.with_term("strong_loss", loss).with_term("strong_accuracy", accuracy);
        }
        match self.strong {
            Some(_) => output.with_term("strong_scale", strong_scale),
            None => output,
        }
    }

    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        let strong = self.strong.map(|strong| StrongHeads { scale: strong.scale.clamped(), ..strong });
        ClipRocket { scale: self.scale.clamped(), strong, ..self }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Embedder for ClipRocket<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        let trunk = self.image.encode(images);
        let strong = self.strong.as_ref().map(|strong| strong.image.forward(trunk.clone()));
        HeadVectors { weak: self.image_head.forward(trunk), strong }
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        let trunk = self.text.encode(tokens, TextMode::Global);
        let strong = self.strong.as_ref().map(|strong| strong.text.forward(trunk.clone()));
        HeadVectors { weak: self.text_head.forward(trunk), strong }
    }
}
