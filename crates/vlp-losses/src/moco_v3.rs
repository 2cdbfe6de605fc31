use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::soft_cross_entropy::{diagonal_cross_entropy, widened};
use crate::{LossError, l2_normalize};

/// Configuration of [`MocoV3`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MocoV3Config {
    /// τ: 0.2 for vision transformers, 1 for ResNet-50.
    pub temperature: f64,
}

impl Default for MocoV3Config {
    fn default() -> Self {
        MocoV3Config { temperature: 0.2 }
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
    temperature: f64,
}

impl MocoV3Config {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature is not a positive number.
    pub fn init(&self) -> Result<MocoV3, LossError> {
        LossError::check_temperature(self.temperature)?;
        Ok(MocoV3 { temperature: self.temperature })
    }
}

impl MocoV3 {
    /// # Shapes
    /// - queries: predictions on both views, each `[batch, dim]`, not normalised
    /// - keys: the momentum encoder's vectors of both views, each `[batch, dim]`, not normalised
    /// - result: `[1]`
    ///
    /// # Panics
    /// When shapes differ.
    pub fn forward(&self, queries: [Tensor<2>; 2], keys: [Tensor<2>; 2], ctx: &StepContext<'_>) -> Tensor<1> {
        let shape @ [rows, _] = queries[0].dims();
        let one_shape = queries.iter().chain(&keys).all(|view| view.dims() == shape);
        assert!(one_shape, "MoCo pairs row with row: queries and keys must have one shape [batch, dim]");
        let [q1, q2] = queries.map(|queries| l2_normalize(widened(queries)));
        let [k1, k2] = keys.map(|keys| ctx.collective.all_gather(l2_normalize(widened(keys.detach()))));
        let contrast = |queries: Tensor<2>, keys: Tensor<2>| {
            let logits = (queries / self.temperature).matmul(keys.transpose());
            diagonal_cross_entropy(logits, ctx.collective.rank() * rows)
        };
        (contrast(q1, k2) + contrast(q2, k1)) * (2.0 * self.temperature)
    }
}
