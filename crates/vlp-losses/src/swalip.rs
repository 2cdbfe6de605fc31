use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::{soft_cross_entropy_of_products, widened};
use crate::{KeyGradients, LossError, Sinkhorn, SinkhornConfig, l2_normalize};

/// Configuration of [`SwaLip`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwaLipConfig {
    /// How targets are balanced.
    pub sinkhorn: SinkhornConfig,
    /// Whether the vectors that stand in for prototypes learn too.
    pub key_gradients: KeyGradients,
}

/// SwALIP's swapped prediction without prototypes: the strong vectors of the other modality, of the whole global batch,
/// stand in for them.
///
/// ```text
/// S_image^ab = n(h_image^a) n(h_text^b)ᵀ     S_text^ab = n(h_text^a) n(h_image^b)ᵀ     a, b in {1, 2}
/// Q = Sinkhorn(sg S)     H(Q, P) = -mean_i Σ_k Q_ik log P_ik     a' = the other view than a
/// L = 1/4 Σ_ab ½ [ H(Q_image^a'b', softmax(t S_image^ab)) + H(Q_text^a'b', softmax(t S_text^ab)) ]
/// ```
///
/// Fini et al. 2023, "Improved baselines for vision-language pre-training". A pair of views predicts the assignment of
/// the opposite views of both modalities. The result is not weighted: the paper adds 0.2 of it to
/// [`ClipRocketLoss`](crate::ClipRocketLoss) without label smoothing, and `t` is that loss's strong scale. The Sinkhorn
/// here is stable by max subtraction, the reference's is not.
#[derive(Debug, Clone, Copy)]
pub struct SwaLip {
    sinkhorn: Sinkhorn,
    key_gradients: KeyGradients,
}

impl SwaLipConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When Sinkhorn cannot be built.
    pub fn init(&self) -> Result<SwaLip, LossError> {
        Ok(SwaLip { sinkhorn: self.sinkhorn.init()?, key_gradients: self.key_gradients })
    }
}

impl SwaLip {
    /// The loss of swapped predictions of balanced assignments.
    ///
    /// # Shapes
    /// - strong: two image views and two text views, each `[batch, dim]`, not normalised
    /// - scale: `[1]`, the student's inverse temperature itself (not its logarithm)
    /// - result: `[1]`
    ///
    /// # Panics
    /// When there are not two views of each modality, or shapes or devices differ.
    pub fn forward(&self, strong: [&[Tensor<2>]; 2], scale: Tensor<1>, ctx: &StepContext<'_>) -> Tensor<1> {
        let [images, texts] = strong.map(|views| match views {
            [first, second] => [first, second].map(|view| {
                assert_pair("SwALIP", &strong[0][0], view);
                l2_normalize(widened(view.clone()))
            }),
            other => panic!("SwALIP swaps two strong views per modality, {} were given", other.len()),
        });
        let scale = widened(scale).unsqueeze::<2>();
        let direction = |queries: &[Tensor<2>; 2], keys: &[Tensor<2>; 2]| {
            let keys = keys.each_ref().map(|keys| self.key_gradients.gather(keys.clone(), ctx.collective));
            let products =
                |rows: &Tensor<2>, keys: &Tensor<2>| rows.clone().inner().matmul(keys.clone().inner().transpose());
            let scores = queries.each_ref().map(|rows| keys.each_ref().map(|keys| products(rows, keys)));
            let codes = scores.each_ref().map(|row| row.each_ref().map(|s| self.sinkhorn.forward(s.clone(), ctx)));
            let predict = |a: usize, b: usize| {
                let (code, pair) = (codes[1 - a][1 - b].clone(), [queries[a].clone(), keys[b].clone()]);
                soft_cross_entropy_of_products(code, scores[a][b].clone(), pair, scale.clone())
            };
            predict(0, 0) + predict(0, 1) + predict(1, 0) + predict(1, 1)
        };
        (direction(&images, &texts) + direction(&texts, &images)) / 8.0
    }
}
