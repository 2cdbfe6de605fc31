use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{Embedder, Features, HeadVectors, ImageEncoder, Method, PairBatch, StepContext, StepOutput};
use vlp_encoders::{MlpHead, MlpHeadConfig};
use vlp_losses::{Prototypes, PrototypesConfig, SwavQueue, SwavQueueConfig};

use crate::MethodError;
use crate::global_views::GlobalViews;
use crate::pending::Pending;

/// Configuration of [`Swav`]; the default is the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwavConfig {
    /// Head in front of the prototypes: 2048, 128.
    pub head: MlpHeadConfig,
    /// The prototypes.
    pub prototypes: PrototypesConfig,
    /// Steps at the start during which prototypes stay what they are: 313, an epoch of ImageNet at batch size 4096.
    pub frozen_steps: u64,
    /// Features of earlier batches that help to balance small ones; none, as in runs with large batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<SwavQueueConfig>,
    /// The loss.
    pub loss: vlp_losses::SwavConfig,
}

impl Default for SwavConfig {
    fn default() -> Self {
        SwavConfig {
            head: MlpHeadConfig::new([2048, 128]),
            prototypes: PrototypesConfig::default(),
            frozen_steps: 313,
            queue: None,
            loss: vlp_losses::SwavConfig::default(),
        }
    }
}

/// SwAV: every view predicts the balanced assignment of every other global view to prototypes. It reads pictures alone.
///
/// ```text
/// views 1, 2, local ── encoder ── head ── h ── cosine with 3000 prototypes ── scores
///
/// Q_i = Sinkhorn(sg scores_i), i: views 1 and 2, with a queue of earlier h where there is one
/// L = mean_i  1/(V - 1) Σ_{v ≠ i} -mean_n Σ_k Q_ink log softmax(scores_v / 0.1)_nk
/// ```
///
/// Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster assignments". View 1 is the weak view,
/// view 2 the strong one: give both the augmentation `swav/global`. Prototypes have unit length and stand still for the first
/// steps. The released code runs crops of one size as one batch; here every view is a pass of its own, which only batch
/// normalisation notices. Evaluation uses the encoder's vectors.
#[derive(Module, Debug)]
pub struct Swav<I: ImageEncoder> {
    /// Image encoder.
    pub image: I,
    /// In front of the prototypes.
    pub head: MlpHead,
    /// What views are scored against.
    pub prototypes: Prototypes,
    /// Features of earlier batches.
    pub queue: Option<SwavQueue>,
    frozen_steps: u64,
    #[module(skip)]
    loss: vlp_losses::Swav,
    /// What the queue takes in.
    #[module(skip)]
    newest: Pending,
}

impl SwavConfig {
    /// Makes an encoder a method.
    ///
    /// # Errors
    /// When the head's vectors are not as long as prototypes, the queue does not keep two views of that length, or a part cannot
    /// be built.
    pub fn init<I: ImageEncoder>(&self, image: I, device: &Device) -> Result<Swav<I>, MethodError> {
        let refuse = |problem| Err(MethodError::Fit { method: "swav", problem });
        let dim = self.prototypes.dim;
        if self.head.widths.last() != Some(&dim) {
            let widths = &self.head.widths;
            return refuse(format!("a head of widths {widths:?} cannot be compared with prototypes of {dim}"));
        }
        if let Some(SwavQueueConfig { views, dim: kept, .. }) = self.queue
            && (views, kept) != (2, dim)
        {
            return refuse(format!(
                "a queue of {views} views of width {kept} cannot keep the 2 global views of width {dim}"
            ));
        }
        Ok(Swav {
            head: self.head.init(image.width(), device)?,
            // Drawn before a gradient flag is changed: burn keeps the flag of what is not drawn where clones share it.
            prototypes: self.prototypes.init(device)?.materialize(),
            queue: self.queue.map(|queue| queue.init(device)).transpose()?,
            frozen_steps: self.frozen_steps,
            loss: self.loss.init()?,
            newest: Pending::default(),
            image,
        })
    }
}

/// What [`Swav`] scores against prototypes, `[batch, dim]` each, not normalised.
#[derive(Debug, Clone)]
pub struct SwavFeatures {
    /// The global views.
    pub global: [Tensor<2>; 2],
    /// The local crops.
    pub local: Vec<Tensor<2>>,
}

impl Features for SwavFeatures {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.global.into_iter().chain(self.local).collect()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let number = tensors.len();
        assert!(number >= 2, "SwAV's features are 2 tensors and one for each local crop, got {number}");
        let mut tensors = tensors.into_iter();
        let mut next = || tensors.next().expect("two tensors");
        SwavFeatures { global: [next(), next()], local: tensors.collect() }
    }
}

impl<I: ImageEncoder> Method for Swav<I> {
    type Batch = PairBatch;
    type Features = SwavFeatures;

    /// Encodes the views that the method reads.
    ///
    /// # Panics
    /// When there is not one strong view.
    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> SwavFeatures {
        let GlobalViews { global, local } = GlobalViews::of("SwAV", batch);
        let project = |view| self.head.forward(self.image.encode(view));
        SwavFeatures { global: global.map(project), local: local.into_iter().map(project).collect() }
    }

    fn objective(&self, features: SwavFeatures, ctx: &StepContext<'_>) -> StepOutput {
        // Without a gradient an optimizer leaves a parameter alone, weight decay included.
        let frozen = (ctx.step < self.frozen_steps).then(|| self.prototypes.clone().no_grad());
        let prototypes = frozen.as_ref().unwrap_or(&self.prototypes);
        let score = |views: &[Tensor<2>]| views.iter().map(|view| prototypes.forward(view.clone())).collect::<Vec<_>>();
        let SwavFeatures { global, local } = features;
        let queued = self.queue.as_ref().map_or_else(Vec::new, |queue| queue.features(ctx));
        let loss = self.loss.forward(&score(&global), &score(&local), &score(&queued), ctx);
        if self.queue.is_some() {
            self.newest.put(global);
        }
        StepOutput::new(loss)
    }

    fn after_update(self, ctx: &StepContext<'_>) -> Self {
        let newest = self.newest.take();
        if let Some(queue) = self.queue.as_ref().filter(|_| !newest.is_empty()) {
            queue.push(&newest, ctx);
        }
        self
    }
}

/// The encoder's vectors; there are none of texts.
impl<I: ImageEncoder> Embedder for Swav<I> {
    fn embed_images(&self, images: Tensor<4>) -> HeadVectors {
        HeadVectors { weak: self.image.encode(images), strong: None }
    }

    fn embed_texts(&self, _tokens: Tensor<2, Int>) -> HeadVectors {
        panic!("SwAV has no text encoder: `Embedder::embeds_texts` says so")
    }

    fn embeds_texts(&self) -> bool {
        false
    }
}
