use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder,
};
use vlp_encoders::{MlpHead, MlpHeadConfig, SiamLipProjector, SiamLipProjectorConfig};
use vlp_losses::SiamLipView;

use crate::{ClipRocket, ClipRocketConfig, MethodError, ViewHeads, ViewVectors};

/// Configuration of [`SiamLip`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiamLipConfig {
    /// The contrastive part.
    pub rocket: ClipRocketConfig,
    /// Projector of either modality.
    pub projector: SiamLipProjectorConfig,
    /// Predictor of either modality, from projections to projections.
    pub predictor: MlpHeadConfig,
    /// Whether strong views have projectors and predictors of their own (`--separate-proj-child`, the runs with vision
    /// transformers), rather than only a last batch normalisation.
    pub separate_heads: bool,
}

impl Default for SiamLipConfig {
    fn default() -> Self {
        SiamLipConfig {
            rocket: ClipRocketConfig::default(),
            projector: SiamLipProjectorConfig::default(),
            predictor: MlpHeadConfig::siamlip_predictor(),
            separate_heads: false,
        }
    }
}

/// SiamLIP: CLIP-rocket, and each modality's projection predicts the other's, which is held constant.
///
/// ```text
/// image view ── encoder ──┬── CLIP-rocket's head ── contrast with texts
///                         └── projector ── v_img ── predictor ── p_img ──> sg v_txt of the text view, and crosswise
///
/// D(p, v) = 2 - 2 mean_i cos(p_i, sg v_i)
/// L = L_rocket + [D(p_img, v_txt) + D(p_txt, v_img) + Σ_ab D(p_img^a, v_txt^b) + Σ_ab D(p_txt^a, v_img^b)] / (2 + 2 N²)
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training", after SimSiam (Chen and He 2020). The heads
/// follow the released code: a projector of two layers, not SimSiam's three; predictors wider inside than outside; weak and
/// strong views share all but the projector's last batch normalisation, which has no scale and shift.
#[derive(Module, Debug)]
pub struct SiamLip<I: ImageEncoder, T: TextEncoder> {
    /// Encoders, contrastive heads and scales.
    pub rocket: ClipRocket<I, T>,
    /// From the encoders' vectors to projections.
    pub projectors: ViewHeads<SiamLipProjector>,
    /// From one modality's projections to the other's.
    pub predictors: ViewHeads<MlpHead>,
    #[module(skip)]
    loss: vlp_losses::SiamLip,
}

impl SiamLipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built, or predictions and projections differ in length.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<SiamLip<I, T>, MethodError> {
        let (widths, dim) = ([image.width(), text.width()], self.projector.output);
        let predicted = self.predictor.widths.last().copied();
        if predicted != Some(dim) {
            let problem =
                format!("a predictor of widths {:?} cannot match projections of {dim}", self.predictor.widths);
            return Err(MethodError::Fit { method: "siamlip", problem });
        }
        let mut projectors = ViewHeads::build(widths, self.separate_heads, |width| self.projector.init(width, device))?;
        if let Some(strong) = &mut projectors.strong {
            // Each kind of view has a projector, and so no use for the other kind's last normalisation.
            for own in [&mut strong.image, &mut strong.text] {
                own.weak_norm = None;
            }
            for own in [&mut projectors.weak.image, &mut projectors.weak.text] {
                own.strong_norm = None;
            }
        }
        Ok(SiamLip {
            projectors,
            predictors: ViewHeads::build([dim, dim], self.separate_heads, |width| self.predictor.init(width, device))?,
            loss: vlp_losses::SiamLipConfig::default().init()?,
            rocket: self.rocket.init(image, text, device)?,
        })
    }
}

/// What [`SiamLip`] compares.
#[derive(Debug, Clone)]
pub struct SiamLipFeatures {
    /// Of the contrastive heads.
    pub rocket: ViewVectors,
    /// Outputs of the predictors.
    pub predictions: ViewVectors,
    /// Projections as constants: what the other modality predicts.
    pub targets: ViewVectors,
}

impl Features for SiamLipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        [self.rocket, self.predictions, self.targets].into_iter().flat_map(ViewVectors::into_tensors).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let [rocket, predictions, targets] = ViewVectors::parts("SiamLIP", tensors);
        SiamLipFeatures { rocket, predictions, targets }
    }
}

/// The projections of every view.
pub(crate) fn project(projectors: &ViewHeads<SiamLipProjector>, vectors: &ViewVectors) -> ViewVectors {
    let (weak, strong) = (&projectors.weak, projectors.for_strong());
    vectors.through(
        [&|x| weak.image.weak(x), &|x| weak.text.weak(x)],
        [&|x| strong.image.strong(x), &|x| strong.text.strong(x)],
    )
}

impl<I: ImageEncoder, T: TextEncoder> SiamLip<I, T> {
    /// The features of encoded views with targets of `targets`, or else of this model.
    pub(crate) fn features(&self, vectors: &ViewVectors, targets: Option<ViewVectors>) -> SiamLipFeatures {
        let projections = project(&self.projectors, vectors);
        let (weak, strong) = (&self.predictors.weak, self.predictors.for_strong());
        let predictions = projections.through(
            [&|x| weak.image.forward(x), &|x| weak.text.forward(x)],
            [&|x| strong.image.forward(x), &|x| strong.text.forward(x)],
        );
        let targets = targets.unwrap_or(projections).detached();
        SiamLipFeatures { rocket: self.rocket.project(vectors), predictions, targets }
    }
}

/// Predictions and targets view by view, the weak one first.
fn views(predictions: ViewVectors, targets: ViewVectors) -> (SiamLipView, Vec<SiamLipView>) {
    let view = |[image, text]: [Tensor<2>; 2], targets| SiamLipView { predictions: [image, text], targets };
    let strong = |of: ViewVectors| of.strong_images.into_iter().zip(of.strong_texts).map(|(image, text)| [image, text]);
    let weak =
        view([predictions.image.clone(), predictions.text.clone()], [targets.image.clone(), targets.text.clone()]);
    (weak, strong(predictions).zip(strong(targets)).map(|(own, other)| view(own, other)).collect())
}

impl<I: ImageEncoder, T: TextEncoder> Method for SiamLip<I, T> {
    type Batch = PairBatch;
    type Features = SiamLipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> SiamLipFeatures {
        self.features(&self.rocket.vectors(batch), None)
    }

    fn objective(&self, features: SiamLipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let contrast = self.rocket.objective(features.rocket, ctx);
        let (weak, strong) = views(features.predictions, features.targets);
        let siamlip = self.loss.forward(weak, &strong);
        StepOutput { loss: contrast.loss + siamlip.clone(), ..contrast }.with_term("siamlip", siamlip)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        SiamLip { rocket: self.rocket.after_update(ctx), ..self }
    }
}

/// The contrastive heads.
impl<I: ImageEncoder, T: TextEncoder> Embedder for SiamLip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.rocket.embed_images(images)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.rocket.embed_texts(tokens)
    }
}
