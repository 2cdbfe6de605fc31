use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;
use vlp_ops::Similarities;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::softplus::softplus;
use crate::two_views::constant;
use crate::{KeyGradients, Logits, LossError, l2_normalize};

/// Configuration of [`MocoV3`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MocoV3Config {
    /// τ: 0.2 for vision transformers, 1 for ResNet-50.
    pub temperature: f64,
    /// Whether the similarities are held at once.
    pub logits: Logits,
}

impl Default for MocoV3Config {
    fn default() -> Self {
        MocoV3Config { temperature: 0.2, logits: Logits::Auto }
    }
}

/// MoCo v3: the prediction on each view finds the momentum encoder's vector of the other view among the batch.
///
/// ```text
/// ctr(q, k) = 2τ CE(n(q) n(k)ᵀ / τ, y)     y_i = i     keys of all ranks, without gradient
/// L = ctr(q1, k2) + ctr(q2, k1)
/// ```
///
/// Chen et al. 2021, "An empirical study of training self-supervised vision transformers". There is no queue.
#[derive(Debug, Clone, Copy)]
pub struct MocoV3 {
    config: MocoV3Config,
}

impl MocoV3Config {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature is not a positive number.
    pub fn init(&self) -> Result<MocoV3, LossError> {
        LossError::check_temperature(self.temperature)?;
        Ok(MocoV3 { config: *self })
    }
}

impl MocoV3 {
    /// The loss of queries against keys, both views both ways.
    ///
    /// # Shapes
    /// - queries: predictions on both views, each `[batch, dim]`, not normalised
    /// - keys: the momentum encoder's vectors of both views, each `[batch, dim]`, not normalised
    /// - result: `[1]`
    ///
    /// # Panics
    /// When shapes or devices differ, or the batch is empty.
    pub fn forward(&self, queries: [Tensor<2>; 2], keys: [Tensor<2>; 2], ctx: &StepContext<'_>) -> Tensor<1> {
        queries.iter().chain(&keys).for_each(|view| assert_pair("MoCo", &queries[0], view));
        let (rows, rank) = (queries[0].dims()[0], ctx.collective.rank());
        let MocoV3Config { temperature, logits } = self.config;
        let [q1, q2] = queries.map(|queries| l2_normalize(widened(queries)));
        let [k1, k2] = keys.map(|keys| KeyGradients::Detached.gather(l2_normalize(widened(keys)), ctx.collective));
        let contrast = |queries: Tensor<2>, keys: Tensor<2>| {
            let own = keys.clone().slice([rank * rows..(rank + 1) * rows]);
            let positive = (queries.clone() * own).sum_dim(1) / temperature;
            let which = Similarities::Rows { without: vec![rank * rows] };
            let negatives =
                logits.log_sum_exp(queries.clone(), keys, constant(1.0 / temperature, &queries), which).rows;
            softplus(negatives.unsqueeze_dim(1) - positive).mean()
        };
        (contrast(q1, k2) + contrast(q2, k1)) * (2.0 * temperature)
    }
}
