use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput};
use vlp_encoders::{LastNorm, MlpHead, MlpHeadConfig};

use crate::global_views::GlobalViews;
use crate::{ImageTeacher, MethodError, MomentumConfig};

/// Configuration of [`MocoV3`]; the default is the reference's for vision transformers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MocoV3Config {
    /// From the encoder's vectors to what is compared; two layers for ResNets.
    pub projector: MlpHeadConfig,
    /// From projections to predictions of the other view's; without the last normalisation for ResNets.
    pub predictor: MlpHeadConfig,
    /// How slowly the momentum encoder follows: 0.99, rising to 1.
    pub momentum: MomentumConfig,
    /// The loss.
    pub loss: vlp_losses::MocoV3Config,
}

impl Default for MocoV3Config {
    fn default() -> Self {
        MocoV3Config {
            projector: MlpHeadConfig::moco_v3_projector(3),
            predictor: MlpHeadConfig::moco_v3_predictor(LastNorm::Plain),
            momentum: MomentumConfig { start: 0.99, end: Some(1.0) },
            loss: vlp_losses::MocoV3Config::default(),
        }
    }
}

/// MoCo v3: the prediction on each of two views finds the momentum encoder's vector of the other among the batch. It reads
/// pictures alone.
///
/// ```text
/// views 1, 2 ──┬── encoder ── projector ── predictor ── q1, q2 ──> ctr(q1, k2) + ctr(q2, k1)
///              └── momentum encoder and projector, no gradient ── k1, k2
///
/// after each update: θ' ← m θ' + (1 - m) θ, m from 0.99 to 1
/// ```
///
/// Chen et al. 2021, "An empirical study of training self-supervised vision transformers". View 1 is the weak view, view 2 the
/// strong one: their augmentations differ in the paper too. The released code moves the momentum encoder before it makes keys
/// and not after the update, which is the same one step later. Evaluation uses the encoder's vectors.
#[derive(Module, Debug)]
pub struct MocoV3<I: ImageEncoder> {
    /// Image encoder.
    pub image: I,
    /// From the encoder's vectors to projections.
    pub projector: MlpHead,
    /// From projections to predictions.
    pub predictor: MlpHead,
    /// What makes keys.
    pub teacher: ImageTeacher<I, MlpHead>,
    #[module(skip)]
    momentum: MomentumConfig,
    #[module(skip)]
    loss: vlp_losses::MocoV3,
}

impl MocoV3Config {
    /// Makes an encoder a method. Its parameters are drawn here, because the momentum encoder starts as a copy: weights that are
    /// loaded into the method afterwards must be loaded into its teacher too, as a checkpoint does.
    ///
    /// # Errors
    /// When a head or the loss cannot be built, predictions and projections differ in length, or the momentum is not in
    /// `[0, 1]`.
    pub fn init<I: ImageEncoder>(&self, image: I, device: &Device) -> Result<MocoV3<I>, MethodError> {
        let [projected, predicted] = [&self.projector, &self.predictor].map(|head| head.widths.last().copied());
        if projected != predicted {
            let problem = format!(
                "a predictor of widths {:?} cannot match a projector of widths {:?}",
                self.predictor.widths, self.projector.widths
            );
            return Err(MethodError::Fit { method: "moco-v3", problem });
        }
        let projector = self.projector.init(image.width(), device)?.materialize();
        let predictor = self.predictor.init(projected.unwrap_or(0), device)?;
        let image = image.materialize();
        Ok(MocoV3 {
            teacher: ImageTeacher::of(&image, &projector),
            image,
            projector,
            predictor,
            momentum: self.momentum.check()?,
            loss: self.loss.init()?,
        })
    }
}

/// What [`MocoV3`] compares, `[batch, dim]` each, not normalised.
#[derive(Debug, Clone)]
pub struct MocoV3Features {
    /// Predictions on both views.
    pub queries: [Tensor<2>; 2],
    /// The momentum encoder's projections of both views, constants.
    pub keys: [Tensor<2>; 2],
}

impl Features for MocoV3Features {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.queries.into_iter().chain(self.keys).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        let Ok([first, second, key_1, key_2]) = <[Tensor<2>; 4]>::try_from(tensors) else {
            panic!("MoCo v3's features are 4 tensors, got {number}");
        };
        MocoV3Features { queries: [first, second], keys: [key_1, key_2] }
    }
}

impl<I: ImageEncoder> Method for MocoV3<I> {
    type Batch = PairBatch;
    type Features = MocoV3Features;

    /// Encodes the views that the method reads.
    ///
    /// # Panics
    /// When there is not one strong view.
    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> MocoV3Features {
        let views = GlobalViews::of("MoCo v3", batch).global;
        let query = |view| self.predictor.forward(self.projector.forward(self.image.encode(view)));
        let key = |view| self.teacher.head.forward(self.teacher.image.encode(view)).detach();
        MocoV3Features { queries: views.clone().map(query), keys: views.map(key) }
    }

    fn objective(&self, features: MocoV3Features, ctx: &StepContext<'_>) -> StepOutput {
        StepOutput::new(self.loss.forward(features.queries, features.keys, ctx))
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        let teacher = self.teacher.follow(&self.image, &self.projector, self.momentum.at(ctx));
        MocoV3 { teacher, ..self }
    }
}

/// The encoder's vectors; there are none of texts.
impl<I: ImageEncoder> Embedder for MocoV3<I> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image.encode(images), strong: None }
    }

    fn embed_texts(&self, _tokens: Tensor<2, Int>) -> HeadVectors {
        panic!("MoCo v3 has no text encoder: `Embedder::embeds_texts` says so")
    }

    fn embeds_texts(&self) -> bool {
        false
    }
}
