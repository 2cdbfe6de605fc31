use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_encoders::{MlpHead, MlpHeadConfig};
use vlp_losses::{LogitScale, LogitScaleConfig, Prototypes, PrototypesConfig};

use crate::{Clip, ClipConfig, ClipFeatures, Heads, MethodError};

/// Configuration of [`SwaLipV1`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwaLipV1Config {
    /// The contrastive part.
    pub clip: ClipConfig,
    /// Head of either modality in front of the prototypes.
    pub head: MlpHeadConfig,
    /// The prototypes.
    pub prototypes: PrototypesConfig,
    /// Whether images and texts are compared with the same prototypes.
    pub shared_prototypes: bool,
    /// Steps at the start during which prototypes stay what they are: 100.
    pub frozen_steps: u64,
    /// Where the inverse temperature of scores starts.
    pub scale: LogitScaleConfig,
    /// Whether that scale learns.
    pub learn_scale: bool,
    /// Weight of the swapped prediction: 0.2.
    pub weight: f64,
    /// The swapped prediction.
    pub loss: vlp_losses::SwaLipV1Config,
}

impl Default for SwaLipV1Config {
    fn default() -> Self {
        SwaLipV1Config {
            clip: ClipConfig::default(),
            head: MlpHeadConfig::swalip_v1(),
            prototypes: PrototypesConfig::default(),
            shared_prototypes: true,
            frozen_steps: 100,
            scale: LogitScaleConfig { temperature: 0.1 },
            learn_scale: false,
            weight: 0.2,
            loss: vlp_losses::SwaLipV1Config::default(),
        }
    }
}

/// SwALIP with prototypes: CLIP on weak pairs, and each modality predicts the other's balanced assignment to prototypes.
///
/// ```text
/// image ── encoder ──┬── CLIP's head ── contrast with texts
///                    └── head ── h_img ── cosine with 3000 prototypes ── p_img
///
/// A_m = Sinkhorn(sg p_m)      H(Q, P) = -mean_i Σ_k Q_ik log P_ik
/// L = L_CLIP + 0.2 · ½ [H(A_txt, softmax(u p_img)) + H(A_img, softmax(u p_txt))]      u = 1 / 0.1
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training", first version, after SwAV (Caron et al. 2020).
/// Prototypes have unit length and stand still for the first steps. The released code cannot train this method (its metrics
/// lack the name); its loss and model are what is followed here. It has a momentum variant, which is not offered.
#[derive(Module, Debug)]
pub struct SwaLipV1<I: ImageEncoder, T: TextEncoder> {
    /// Encoders, contrastive heads and scale.
    pub clip: Clip<I, T>,
    /// In front of the prototypes.
    pub heads: Heads<MlpHead>,
    /// What images are scored against, and texts unless they have their own.
    pub prototypes: Prototypes,
    /// What texts are scored against, if not the same.
    pub text_prototypes: Option<Prototypes>,
    /// Inverse temperature of scores.
    pub scale: LogitScale,
    frozen_steps: u64,
    weight: f64,
    #[module(skip)]
    loss: vlp_losses::SwaLipV1,
}

impl SwaLipV1Config {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When the weight is negative or no number, the head's vectors are not as long as prototypes, or a part cannot be
    /// built.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<SwaLipV1<I, T>, MethodError> {
        MethodError::check_weight("swalip-v1", self.weight, 0.2)?;
        let dim = self.prototypes.dim;
        if self.head.widths.last() != Some(&dim) {
            let problem =
                format!("a head of widths {:?} cannot be compared with prototypes of {dim}", self.head.widths);
            return Err(MethodError::Fit { method: "swalip-v1", problem });
        }
        // Drawn before a gradient flag is changed: burn keeps the flag of what is not drawn where clones share it.
        let prototypes = || self.prototypes.init(device).map(Module::materialize);
        let mut scale = self.scale.init(device)?.materialize();
        if !self.learn_scale {
            scale = scale.no_grad();
        }
        Ok(SwaLipV1 {
            heads: Heads { image: self.head.init(image.width(), device)?, text: self.head.init(text.width(), device)? },
            prototypes: prototypes()?,
            text_prototypes: if self.shared_prototypes { None } else { Some(prototypes()?) },
            scale,
            frozen_steps: self.frozen_steps,
            weight: self.weight,
            loss: self.loss.init()?,
            clip: self.clip.init(image, text, device)?,
        })
    }
}

/// What [`SwaLipV1`] compares.
#[derive(Debug, Clone)]
pub struct SwaLipV1Features {
    /// Of the contrastive heads.
    pub clip: ClipFeatures,
    /// Of the other heads, images and texts, to be scored against prototypes; not normalised.
    pub scored: [Tensor<2>; 2],
}

impl Features for SwaLipV1Features {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.clip.into_tensors().into_iter().chain(self.scored).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        let Ok([image, text, scored_image, scored_text]) = <[Tensor<2>; 4]>::try_from(tensors) else {
            panic!("SwALIP V1's features are 4 tensors, got {number}");
        };
        SwaLipV1Features { clip: ClipFeatures { image, text }, scored: [scored_image, scored_text] }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for SwaLipV1<I, T> {
    type Batch = PairBatch;
    type Features = SwaLipV1Features;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> SwaLipV1Features {
        let image = self.clip.image.encode(batch.weak.images);
        let text = self.clip.text.encode(batch.weak.tokens, TextMode::Global);
        SwaLipV1Features {
            clip: ClipFeatures {
                image: self.clip.image_head.forward(image.clone()),
                text: self.clip.text_head.forward(text.clone()),
            },
            scored: [self.heads.image.forward(image), self.heads.text.forward(text)],
        }
    }

    fn objective(&self, features: SwaLipV1Features, ctx: &StepContext<'_>) -> StepOutput {
        let frozen = ctx.step < self.frozen_steps;
        // Without a gradient an optimizer leaves a parameter alone, weight decay included.
        let score = |prototypes: &Prototypes, x| match frozen {
            true => prototypes.clone().no_grad().forward(x),
            false => prototypes.forward(x),
        };
        let [image, text] = features.scored;
        let texts = self.text_prototypes.as_ref().unwrap_or(&self.prototypes);
        let scores = [score(&self.prototypes, image), score(texts, text)];
        let swalip = self.loss.forward(scores, None, self.scale.scale(), ctx);
        let contrast = self.clip.objective(features.clip, ctx);
        let loss = contrast.loss + swalip.clone() * self.weight;
        StepOutput { loss, ..contrast }.with_term("swalip", swalip).with_term("prototype_scale", self.scale.scale())
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        SwaLipV1 { clip: self.clip.after_update(ctx), scale: self.scale.clamped(), ..self }
    }
}

/// The contrastive heads.
impl<I: ImageEncoder, T: TextEncoder> Embedder for SwaLipV1<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.clip.embed_images(images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.clip.embed_texts(tokens)
    }
}
