use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder};
use vlp_encoders::SiamLipProjector;

use crate::siamlip::project;
use crate::{MethodError, MomentumConfig, SiamLip, SiamLipConfig, SiamLipFeatures, Teacher, ViewHeads, ViewVectors};

/// Configuration of [`ByoLip`]; the default is the reference's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ByoLipConfig {
    /// The model that learns.
    pub siamlip: SiamLipConfig,
    /// How slowly the teacher follows.
    pub momentum: MomentumConfig,
}

/// BYOLIP: SiamLIP whose targets are the projections of a teacher, a moving average of the model.
///
/// ```text
/// views ──┬── online: SiamLIP's heads ── p_img, p_txt ──> D(p_img, v'_txt), D(p_txt, v'_img), and L_rocket
///         └── teacher: encoders and projectors without gradient ── v'_img, v'_txt
///
/// after each update: θ' ← m θ' + (1 - m) θ, m = 0.99; then the logit scales are clamped
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training", after BYOL (Grill et al. 2020). As in the
/// released code m is constant (BYOL's rises to 1: [`MomentumConfig::end`]), only parameters are averaged, and the teacher
/// stays in training mode with running statistics of its own. Its contrastive heads, predictors and scales, which no loss
/// reads, are left out here. Evaluation uses the online model.
#[derive(Module, Debug)]
pub struct ByoLip<I: ImageEncoder, T: TextEncoder> {
    /// What learns and is evaluated.
    pub online: SiamLip<I, T>,
    /// What makes targets.
    pub teacher: Teacher<I, T, ViewHeads<SiamLipProjector>>,
    #[module(skip)]
    momentum: MomentumConfig,
}

impl ByoLipConfig {
    /// Joins two encoders into a method. Their parameters are drawn here, because the teacher starts as a copy: weights that
    /// are loaded into the method afterwards must be loaded into its teacher too, as a checkpoint does.
    ///
    /// # Errors
    /// As [`SiamLipConfig::init`], and when the momentum is not in `[0, 1]`.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<ByoLip<I, T>, MethodError> {
        let momentum = self.momentum.check()?;
        let online = self.siamlip.init(image, text, device)?.materialize();
        let teacher = Teacher::of(&online.rocket.image, &online.rocket.text, &online.projectors);
        Ok(ByoLip { online, teacher, momentum })
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for ByoLip<I, T> {
    type Batch = PairBatch;
    type Features = SiamLipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> SiamLipFeatures {
        let vectors = self.online.rocket.vectors(batch.clone());
        let theirs = ViewVectors::encode(&self.teacher.image, &self.teacher.text, batch);
        self.online.features(&vectors, Some(project(&self.teacher.heads, &theirs)))
    }

    fn objective(&self, features: SiamLipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        self.online.objective(features, ctx)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        let SiamLip { rocket, projectors, .. } = &self.online;
        let teacher = self.teacher.follow(&rocket.image, &rocket.text, projectors, self.momentum.at(ctx));
        ByoLip { online: self.online.after_update(ctx), teacher, ..self }
    }
}

/// The online model's contrastive heads.
impl<I: ImageEncoder, T: TextEncoder> Embedder for ByoLip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.online.embed_images(images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.online.embed_texts(tokens)
    }
}
