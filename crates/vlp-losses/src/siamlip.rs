use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::{LossError, l2_normalize};

/// Configuration of [`SiamLip`], which has no constants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiamLipConfig {}

/// The non-contrastive term of SiamLIP and BYOLIP: each modality predicts the other.
///
/// ```text
/// D(p, v) = 2 - 2/B Σ_i n(p_i)·n(sg v_i)      n(x) = x / max(‖x‖, 1e-12)
/// L = [D(p_img, v_txt) + D(p_txt, v_img) + Σ_ab D(p_img^a, v_txt^b) + Σ_ab D(p_txt^a, v_img^b)] / (2 + 2N²)
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training". SiamLIP's targets are the online
/// projections, BYOLIP's those of the momentum model; neither receives gradient. The term is added to
/// [`ClipRocketLoss`](crate::ClipRocketLoss) with weight 1. The mean over ranks is the loss of the joined batch; nothing
/// is exchanged.
#[derive(Debug, Clone, Copy)]
pub struct SiamLip;

/// What [`SiamLip`] needs of one view; images come first, then texts, each `[batch, dim]`.
#[derive(Debug, Clone)]
pub struct SiamLipView {
    /// Outputs of the predictors.
    pub predictions: [Tensor<2>; 2],
    /// Projections, of the online or the momentum model; used as constants.
    pub targets: [Tensor<2>; 2],
}

impl SiamLipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// Never so far: every configuration is valid.
    pub fn init(&self) -> Result<SiamLip, LossError> {
        Ok(SiamLip)
    }
}

impl SiamLip {
    /// The loss of predictions across modalities, over all strong views.
    ///
    /// # Shapes
    /// - weak, strong: the weak view and N strong views of `[batch, dim]` each, not normalised
    /// - result: `[1]`
    ///
    /// # Panics
    /// When predictions and targets, or the strong views, differ in shape or device, or are empty.
    pub fn forward(&self, weak: SiamLipView, strong: &[SiamLipView]) -> Tensor<1> {
        let weak = cosines(std::slice::from_ref(&weak));
        let pairs = (1 + strong.len() * strong.len()) as f64;
        let cosines = if strong.is_empty() { weak } else { weak + cosines(strong) };
        // Both directions of every pair give 2 - 2 cos each.
        cosines * (-1.0 / pairs) + 2.0
    }
}

/// The sum over all pairs of views and both directions of the mean cosine.
fn cosines(views: &[SiamLipView]) -> Tensor<1> {
    // Σ_ab p_a·v_b = (Σ_a p_a)·(Σ_b v_b): N products of vectors become sums.
    let sum = |vectors: Vec<&Tensor<2>>| {
        vectors.iter().for_each(|x| assert_pair("SiamLIP", vectors[0], x));
        let normalised = vectors.into_iter().map(|x| l2_normalize(widened(x.clone())));
        normalised.reduce(|sum, x| sum + x).expect("there is at least one view")
    };
    let direction = |from: usize, to: usize| {
        let predictions = sum(views.iter().map(|view| &view.predictions[from]).collect());
        let targets = sum(views.iter().map(|view| &view.targets[to]).collect()).detach();
        assert_pair("SiamLIP", &predictions, &targets);
        (predictions * targets).sum_dim(1).mean()
    };
    direction(0, 1) + direction(1, 0)
}
