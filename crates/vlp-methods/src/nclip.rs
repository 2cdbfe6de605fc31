use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{
    Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode,
};
use vlp_losses::{Cluster, ClusterConfig, ClusterTerms};

use crate::{ClusterHead, ClusterHeadConfig, Heads, MethodError, MomentumConfig, Teacher};

/// Which vectors stand for a sample in evaluation; how the paper recognises with nCLIP's head alone is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterVectors {
    /// The distribution over units.
    #[default]
    Probabilities,
    /// The scores in front of the softmax.
    Scores,
}

/// Configuration of [`NClip`]. The paper's text was not available: every point that is not known is an option here or in
/// [`ClusterConfig`], and the defaults are TWIST's (Wang et al. 2021), not the paper's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NClipConfig {
    /// Head of either modality. Known: one each, 32768 units; the rest is TWIST's.
    pub head: ClusterHeadConfig,
    /// Weights λ1 and λ2, temperatures, targets, whose mean: not known, TWIST's.
    pub loss: ClusterConfig,
    /// Whether targets come from a moving average of the model: not known, none.
    pub momentum: Option<MomentumConfig>,
    /// What evaluation compares: not known.
    pub evaluation: ClusterVectors,
}

/// nCLIP-style: image and text of a pair agree on units, each sample on few of them, the batch on all; no negatives. It
/// reads the weak view only.
///
/// ```text
/// weak image ── encoder ── head ── softmax ── p ┐
/// weak text ─── encoder ── head ── softmax ── q ┴── L = ½ mean [CE(p, q) + CE(q, p)] + λ1 sharp - λ2 smooth
/// ```
///
/// After Zhou et al. 2023, "Non-contrastive learning meets language-image pre-training", whose text and code were not
/// available. Known: matched pairs attract and nothing else does, one head a modality, 32768 units; two terms called
/// sharpness and smoothness. The shape of the loss is TWIST's; no number of the paper is reproduced. Centring as in DINO is
/// not offered.
#[derive(Module, Debug)]
pub struct NClip<I: ImageEncoder, T: TextEncoder> {
    /// Image encoder.
    pub image: I,
    /// Text encoder.
    pub text: T,
    /// Heads that give units.
    pub heads: Heads<ClusterHead>,
    /// What makes targets, if not the model itself.
    pub teacher: Option<Teacher<I, T, Heads<ClusterHead>>>,
    #[module(skip)]
    loss: Cluster,
    #[module(skip)]
    config: NClipConfig,
}

impl NClipConfig {
    /// Joins two encoders into a method.
    ///
    /// # Errors
    /// When a head or the loss cannot be built, or the momentum is not in `[0, 1]`.
    pub fn init<I: ImageEncoder, T: TextEncoder>(
        &self,
        image: I,
        text: T,
        device: &Device,
    ) -> Result<NClip<I, T>, MethodError> {
        let heads =
            Heads { image: self.head.init(image.width(), device)?, text: self.head.init(text.width(), device)? };
        let loss = self.loss.init()?;
        let plain = NClip { image, text, heads, teacher: None, loss, config: self.clone() };
        let Some(momentum) = self.momentum else { return Ok(plain) };
        momentum.check()?;
        let plain = plain.materialize();
        let teacher = Some(Teacher::of(&plain.image, &plain.text, &plain.heads));
        Ok(NClip { teacher, ..plain })
    }
}

/// What [`NClip`] compares: scores of units, `[batch, units]` each, images first.
#[derive(Debug, Clone)]
pub struct NClipFeatures {
    /// Of the model.
    pub scores: [Tensor<2>; 2],
    /// Of the teacher, if there is one.
    pub targets: Option<[Tensor<2>; 2]>,
}

impl Features for NClipFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.scores.into_iter().chain(self.targets.into_iter().flatten()).collect()
    }

    fn from_tensors(mut tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        let targets = <[Tensor<2>; 2]>::try_from(tensors.split_off(number.min(2)));
        let Ok(scores) = <[Tensor<2>; 2]>::try_from(tensors) else {
            panic!("nCLIP's features are 2 tensors, or 4 with a teacher, got {number}");
        };
        assert!(number == 2 || targets.is_ok(), "nCLIP's features are 2 tensors, or 4 with a teacher, got {number}");
        NClipFeatures { scores, targets: targets.ok() }
    }
}

impl<I: ImageEncoder, T: TextEncoder> NClip<I, T> {
    /// The units' scores of encoded pictures and captions, and those of the teacher, which encodes itself.
    pub(crate) fn features(&self, [image, text]: [Tensor<2>; 2], batch: PairBatch) -> NClipFeatures {
        let targets = self.teacher.as_ref().map(|teacher| {
            let image = teacher.heads.image.forward(teacher.image.encode(batch.weak.images));
            let text = teacher.heads.text.forward(teacher.text.encode(batch.weak.tokens, TextMode::Global));
            [image.detach(), text.detach()]
        });
        NClipFeatures { scores: [self.heads.image.forward(image), self.heads.text.forward(text)], targets }
    }

    pub(crate) fn vectors(&self, batch: &PairBatch) -> [Tensor<2>; 2] {
        let tokens = batch.weak.tokens.clone();
        [self.image.encode(batch.weak.images.clone()), self.text.encode(tokens, TextMode::Global)]
    }

    pub(crate) fn agreement(&self, features: NClipFeatures, ctx: &StepContext<'_>) -> ClusterTerms {
        match features.targets {
            Some(targets) => self.loss.forward_with_targets(features.scores, targets, ctx),
            None => self.loss.forward(features.scores, ctx),
        }
    }

    /// Similarity of every picture with every caption by cross-entropy, `-½ [CE(p_i, q_j) + CE(q_j, p_i)]`, `[n, m]`.
    ///
    /// # Shapes
    /// - images: `[n, units]`, texts: `[m, units]`: distributions, as evaluation's
    ///   [`Probabilities`](ClusterVectors::Probabilities) are
    pub fn cross_entropies(images: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        // A unit below 1e-30 adds nothing that f32 could hold, and the logarithm of zero would be infinite.
        let log = |p: &Tensor<2>| p.clone().clamp_min(1e-30).log();
        let (log_p, log_q) = (log(&images), log(&texts));
        (images.matmul(log_q.transpose()) + log_p.matmul(texts.transpose())) / 2.0
    }

    fn evaluated(&self, scores: Tensor<2>, side: usize) -> HeadVectors {
        let weak = match self.config.evaluation {
            ClusterVectors::Probabilities => softmax(scores / self.config.loss.temperatures[side], 1),
            ClusterVectors::Scores => scores,
        };
        HeadVectors { weak, strong: None }
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for NClip<I, T> {
    type Batch = PairBatch;
    type Features = NClipFeatures;

    fn largest_input(batch: &PairBatch) -> Option<Tensor<1>> {
        Some(batch.largest_input())
    }

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> NClipFeatures {
        self.features(self.vectors(&batch), batch)
    }

    fn objective(&self, features: NClipFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let ClusterTerms { loss, align, sharp, smooth } = self.agreement(features, ctx);
        StepOutput::new(loss).with_term("align", align).with_term("sharp", sharp).with_term("smooth", smooth)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        let momentum = self.config.momentum.unwrap_or_default().at(ctx);
        let teacher = self.teacher.map(|teacher| teacher.follow(&self.image, &self.text, &self.heads, momentum));
        NClip { teacher, ..self }
    }
}

/// What [`NClipConfig::evaluation`] says.
impl<I: ImageEncoder, T: TextEncoder> Embedder for NClip<I, T> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        self.evaluated(self.heads.image.forward(self.image.encode(images)), 0)
    }

    fn embed_texts(&self, tokens: Tensor<2, Int>) -> HeadVectors {
        self.evaluated(self.heads.text.forward(self.text.encode(tokens, TextMode::Global)), 1)
    }
}
