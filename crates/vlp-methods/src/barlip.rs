use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder,
};
use vlp_encoders::{MlpHead, MlpHeadConfig};

use crate::{ClipRocket, ClipRocketConfig, MethodError, ViewHeads, ViewVectors};

/// Configuration of [`BarLip`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BarLipConfig {
    /// The contrastive part.
    pub rocket: ClipRocketConfig,
    /// Projector of either modality.
    pub projector: MlpHeadConfig,
    /// Whether strong views have projectors of their own (`--separate-proj-child`, the runs with vision transformers).
    pub separate_heads: bool,
    /// The term without negatives.
    pub loss: vlp_losses::BarLipConfig,
}

impl Default for BarLipConfig {
    fn default() -> Self {
        BarLipConfig {
            rocket: ClipRocketConfig::default(),
            projector: MlpHeadConfig::barlip(),
            separate_heads: false,
            loss: vlp_losses::BarLipConfig::default(),
        }
    }
}

/// BarLIP: CLIP-rocket, and the cross-correlation of image and text projections should be the identity.
///
/// ```text
/// image view ── encoder ──┬── CLIP-rocket's head ── contrast with texts
///                         └── projector 3000-3000-8192 ── v_img ┐
///                                            text's ─── v_txt ──┴── C = 1/G Σ_n v_img v_txtᵀ ──> identity
///
/// T(v, w) = c [Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²]      c = 0.025, λ = 5e-3
/// L = L_rocket + [T(v_img, v_txt) + Σ_ab T(v_img^a, v_txt^b)] / (1 + N²)
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training", after Barlow Twins (Zbontar et al. 2021). As in
/// the released code the projectors end in a batch normalisation with scale and shift and nothing is standardised after it,
/// where Barlow Twins ends in one without. On W ranks that code weighs the term 1/W: see
/// [`CorrelationGradient`](vlp_losses::CorrelationGradient).
#[derive(Module, Debug)]
pub struct BarLip<I: ImageEncoder, T: TextEncoder> {
    /// Encoders, contrastive heads and scales.
    pub rocket: ClipRocket<I, T>,
    /// From the encoders' vectors to projections.
    pub projectors: ViewHeads<MlpHead>,
    #[module(skip)]
    loss: vlp_losses::BarLip,
}

impl BarLipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or a loss cannot be built.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<BarLip<I, T>, MethodError> {
        let widths = [image.width(), text.width()];
        Ok(BarLip {
            projectors: ViewHeads::build(widths, self.separate_heads, |width| self.projector.init(width, device))?,
            loss: self.loss.init()?,
            rocket: self.rocket.init(image, text, device)?,
        })
    }
}

/// What [`BarLip`] compares.
#[derive(Debug, Clone)]
pub struct BarLipFeatures {
    /// Of the contrastive heads.
    pub rocket: ViewVectors,
    /// Of the projectors.
    pub projections: ViewVectors,
}

impl Features for BarLipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        [self.rocket, self.projections].into_iter().flat_map(ViewVectors::into_tensors).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let [rocket, projections] = ViewVectors::parts("BarLIP", tensors);
        BarLipFeatures { rocket, projections }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for BarLip<I, T> {
    type Batch = PairBatch;
    type Features = BarLipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> BarLipFeatures {
        let vectors = self.rocket.vectors(batch);
        let (weak, strong) = (&self.projectors.weak, self.projectors.for_strong());
        let projections = vectors.through(
            [&|x| weak.image.forward(x), &|x| weak.text.forward(x)],
            [&|x| strong.image.forward(x), &|x| strong.text.forward(x)],
        );
        BarLipFeatures { rocket: self.rocket.project(&vectors), projections }
    }

    fn objective(&self, features: BarLipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let contrast = self.rocket.objective(features.rocket, ctx);
        let ViewVectors { image, text, strong_images, strong_texts } = features.projections;
        let barlip = self.loss.forward([image, text], [&strong_images, &strong_texts], ctx);
        StepOutput { loss: contrast.loss + barlip.clone(), ..contrast }.with_term("barlip", barlip)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        BarLip { rocket: self.rocket.after_update(ctx), ..self }
    }
}

/// The contrastive heads.
impl<I: ImageEncoder, T: TextEncoder> Embedder for BarLip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.rocket.embed_images(images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.rocket.embed_texts(tokens)
    }
}
