use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput};
use vlp_encoders::{DinoHead, DinoHeadConfig};

use crate::global_views::GlobalViews;
use crate::pending::Pending;
use crate::{ImageTeacher, MethodError, MomentumConfig};

/// Configuration of [`Dino`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DinoConfig {
    /// The head of student and teacher.
    pub head: DinoHeadConfig,
    /// How slowly the teacher follows: 0.996, rising to 1.
    pub momentum: MomentumConfig,
    /// Steps at the start during which the head's prototypes stay what they are: 1251, an epoch of ImageNet at batch size 1024.
    pub frozen_steps: u64,
    /// The loss, with the temperatures and the centre's momentum.
    pub loss: vlp_losses::DinoConfig,
}

impl Default for DinoConfig {
    fn default() -> Self {
        DinoConfig {
            head: DinoHeadConfig::default(),
            momentum: MomentumConfig { start: 0.996, end: Some(1.0) },
            frozen_steps: 1251,
            loss: vlp_losses::DinoConfig::default(),
        }
    }
}

/// DINO: the student's output on every view predicts the teacher's centred, sharpened output on the other global views. It
/// reads pictures alone.
///
/// ```text
/// views 1, 2 ────────┬── teacher, no gradient: encoder ── head ── t1, t2 ── P = softmax((t - c) / τ_t)
/// views 1, 2, local ─┴── student: encoder ── head ── s1, s2, ... ──> -Σ_k P_i log softmax(s_j / τ_s), j ≠ i
///
/// after each update: θ' ← m θ' + (1 - m) θ, m from 0.996 to 1; c ← 0.9 c + 0.1 mean of t
/// ```
///
/// Caron et al. 2021, "Emerging properties in self-supervised vision transformers". View 1 is the weak view, view 2 the strong
/// one: their augmentations differ in the paper too. Prototypes have unit length and stand still for the first steps; the
/// released code runs crops of one size as one batch, which only batch normalisation notices. Evaluation uses the teacher's
/// encoder, as the paper does.
#[derive(Module, Debug)]
pub struct Dino<I: ImageEncoder> {
    /// The student's image encoder.
    pub image: I,
    /// The student's head.
    pub head: DinoHead,
    /// What makes targets and is evaluated.
    pub teacher: ImageTeacher<I, DinoHead>,
    /// c, the moving mean of the teacher's outputs, `[1, units]`.
    pub center: Param<Tensor<2>>,
    frozen_steps: u64,
    #[module(skip)]
    momentum: MomentumConfig,
    #[module(skip)]
    loss: vlp_losses::Dino,
    /// The centre of the next step.
    #[module(skip)]
    next: Pending,
}

impl DinoConfig {
    /// Makes an encoder a method. Its parameters are drawn here, because the teacher starts as a copy: weights that are loaded
    /// into the method afterwards must be loaded into its teacher too, as a checkpoint does.
    ///
    /// # Errors
    /// When the head or the loss cannot be built, or the momentum is not in `[0, 1]`.
    pub fn init<I: ImageEncoder>(&self, image: I, device: &Device) -> Result<Dino<I>, MethodError> {
        let head = self.head.init(image.width(), device)?.materialize();
        let image = image.materialize();
        let center = Tensor::zeros([1, self.head.output], device);
        Ok(Dino {
            teacher: ImageTeacher::of(&image, &head),
            image,
            head,
            center: Param::from_tensor(center).set_require_grad(false),
            frozen_steps: self.frozen_steps,
            momentum: self.momentum.check()?,
            loss: self.loss.init()?,
            next: Pending::default(),
        })
    }
}

/// What [`Dino`] compares, `[batch, units]` each.
#[derive(Debug, Clone)]
pub struct DinoFeatures {
    /// The teacher's outputs on the global views, constants.
    pub teacher: [Tensor<2>; 2],
    /// The student's on all views, the global ones first.
    pub student: Vec<Tensor<2>>,
}

impl Features for DinoFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.teacher.into_iter().chain(self.student).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        assert!(number >= 4, "DINO's features are 4 tensors and one for each local crop, got {number}");
        let mut tensors = tensors.into_iter();
        let mut next = || tensors.next().expect("four tensors");
        DinoFeatures { teacher: [next(), next()], student: tensors.collect() }
    }
}

impl<I: ImageEncoder> Method for Dino<I> {
    type Batch = PairBatch;
    type Features = DinoFeatures;

    /// Encodes the views that the method reads.
    ///
    /// # Panics
    /// When there is not one strong view.
    fn encode(&self, batch: PairBatch, ctx: &StepContext<'_>) -> DinoFeatures {
        let GlobalViews { global, local } = GlobalViews::of("DINO", batch);
        let teach = |view| self.teacher.head.forward(self.teacher.image.encode(view)).detach();
        let teacher = global.clone().map(teach);
        let mut head = self.head.clone();
        if ctx.step < self.frozen_steps {
            // Without a gradient an optimizer leaves a parameter alone, weight decay included.
            head.prototypes = head.prototypes.no_grad();
        }
        let student = global.into_iter().chain(local).map(|view| head.forward(self.image.encode(view)));
        DinoFeatures { teacher, student: student.collect() }
    }

    fn objective(&self, features: DinoFeatures, ctx: &StepContext<'_>) -> StepOutput {
        let DinoFeatures { teacher, student } = features;
        let center = self.center.val();
        let loss = self.loss.forward(&teacher, &student, center.clone(), ctx);
        self.next.put([self.loss.next_center(center, &teacher, ctx)]);
        StepOutput::new(loss)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        let teacher = self.teacher.follow(&self.image, &self.head, self.momentum.at(ctx));
        let center = self.next.take().into_iter().fold(self.center, |center, next| center.map(|_| next.clone()));
        Dino { teacher, center, ..self }
    }
}

/// The vectors of the teacher's encoder; there are none of texts.
impl<I: ImageEncoder> Embedder for Dino<I> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.teacher.image.encode(images), strong: None }
    }

    fn embed_texts(&self, _tokens: Tensor<2, Int>) -> HeadVectors {
        panic!("DINO has no text encoder: `Embedder::embeds_texts` says so")
    }

    fn embeds_texts(&self) -> bool {
        false
    }
}
