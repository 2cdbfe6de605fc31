use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::{InfoNce, InfoNceConfig, KeyGradients, Logits, LossError};

/// How weak and strong parts are joined; with AdamW it matters only next to another loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// The weighted mean of all pairs.
    #[default]
    Avg,
    /// Twice that, the sum of both directions (the papers' runs on CC12M, YFCC15M and 29M).
    Sum,
}

/// Configuration of [`ClipRocketLoss`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipRocketLossConfig {
    /// ε, on strong pairs only.
    pub label_smoothing: f64,
    /// Mean or sum.
    pub reduction: Reduction,
    /// Whether the vectors that a row is compared with learn from it; [`KeyGradients::Detached`] in the paper's runs.
    pub key_gradients: KeyGradients,
    /// Whether the similarities of a pair of views are held at once.
    pub logits: Logits,
}

impl Default for ClipRocketLossConfig {
    fn default() -> Self {
        ClipRocketLossConfig {
            label_smoothing: 0.1,
            reduction: Reduction::Avg,
            key_gradients: KeyGradients::default(),
            logits: Logits::default(),
        }
    }
}

/// CLIP-rocket's objective ("CL2L" in the reference code): the weak pair and every strong image with every strong text.
///
/// ```text
/// g = InfoNCE(z_image, z_text; s, ε = 0)
/// l = 1/N² Σ_ab InfoNCE(h_image^a, h_text^b; t, ε)
/// L = (g + N l) / (1 + N)          doubled for `sum`
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training". There are no weak-strong pairs. N = 0 leaves
/// `L = g`.
#[derive(Debug, Clone, Copy)]
pub struct ClipRocketLoss {
    weak: InfoNce,
    strong: InfoNce,
    reduction: Reduction,
}

/// [`ClipRocketLoss`] taken apart; every tensor is `[1]`.
#[derive(Debug, Clone)]
pub struct ClipRocketTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// The weak pair's InfoNCE.
    pub weak: Tensor<1>,
    /// The mean InfoNCE of strong pairs; none without strong views.
    pub strong: Option<Tensor<1>>,
    /// Share of weak images that find their text, without gradient.
    pub weak_accuracy: Tensor<1>,
    /// The same for strong images, mean over all pairs of views.
    pub strong_accuracy: Option<Tensor<1>>,
}

impl ClipRocketLossConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the label smoothing is not in `[0, 1)`.
    pub fn init(&self) -> Result<ClipRocketLoss, LossError> {
        let &ClipRocketLossConfig { label_smoothing, key_gradients, logits, .. } = self;
        Ok(ClipRocketLoss {
            weak: InfoNceConfig { label_smoothing: 0.0, key_gradients, logits }.init()?,
            strong: InfoNceConfig { label_smoothing, key_gradients, logits }.init()?,
            reduction: self.reduction,
        })
    }
}

impl ClipRocketLoss {
    /// The objective of weak and strong pairs, with its parts.
    ///
    /// # Shapes
    /// - weak: image and text vectors, each `[batch, dim]`
    /// - strong: N image and N text vectors, each `[batch, dim']`
    /// - scales: of weak and strong pairs, each `[1]`
    ///
    /// # Panics
    /// When images and texts differ in number of views or shape.
    pub fn forward(
        &self,
        weak: [Tensor<2>; 2],
        strong: [&[Tensor<2>]; 2],
        [weak_scale, strong_scale]: [Tensor<1>; 2],
        ctx: &StepContext<'_>,
    ) -> ClipRocketTerms {
        let [images, texts] = strong;
        let views = images.len();
        assert_eq!(views, texts.len(), "as many strong texts as strong images are needed");
        let [image, text] = weak;
        let global = self.weak.forward(image, text, weak_scale, ctx);
        let weak_accuracy = global.accuracy.clone();
        let weak = global.loss();
        // Each view is normalised and gathered once, however many pairs it stands in.
        let [images, texts] = strong.map(|views| {
            let side = |view: &Tensor<2>| {
                assert_pair("CLIP-rocket", view, &images[0]);
                self.strong.side(view.clone(), ctx)
            };
            views.iter().map(side).collect::<Vec<_>>()
        });
        let pairs = images.iter().flat_map(|image| texts.iter().map(move |text| (image, text)));
        let local = pairs
            .map(|(image, text)| self.strong.contrast(image, text, strong_scale.clone(), ctx))
            .map(|terms| (terms.accuracy.clone(), terms.loss()))
            .reduce(|(accuracy, loss), (next_accuracy, next)| (accuracy + next_accuracy, loss + next));
        let number = (views * views) as f64;
        let (strong_accuracy, strong) = match local {
            Some((accuracy, loss)) => (Some(accuracy / number), Some(loss / number)),
            None => (None, None),
        };
        let joined = match &strong {
            Some(strong) => (weak.clone() + strong.clone() * views as f64) / (1.0 + views as f64),
            None => weak.clone(),
        };
        let loss = match self.reduction {
            Reduction::Avg => joined,
            Reduction::Sum => joined * 2.0,
        };
        ClipRocketTerms { loss, weak, strong, weak_accuracy, strong_accuracy }
    }
}
