use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::log_sum_exp::log_sum_exp;
use crate::two_views::queries;

/// Configuration of [`NtXent`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtXentConfig {
    /// τ: 0.1 in SLIP and for SimCLR's best ImageNet runs.
    pub temperature: f64,
}

impl Default for NtXentConfig {
    fn default() -> Self {
        NtXentConfig { temperature: 0.1 }
    }
}

/// SimCLR's loss: each of 2N views must find the other view of its sample among the 2N - 1 others.
///
/// ```text
/// s_ik = n(z_i)·n(z_k) / τ        L = 1/2N Σ_i [log Σ_k≠i exp(s_ik) - s_i,j(i)]
/// ```
///
/// Chen et al. 2020, "A simple framework for contrastive learning of visual representations". The positive stays in the
/// denominator; see [`Dcl`](crate::Dcl) for the loss without it. With several ranks each takes its own rows against the
/// rows of all, and the mean over ranks is the loss of the joined batch; keys carry gradient as far as the collective's
/// gather does. A batch of one sample has no negatives: the loss is 0.
#[derive(Debug, Clone, Copy)]
pub struct NtXent {
    temperature: f64,
}

impl NtXentConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature is not a positive number.
    pub fn init(&self) -> Result<NtXent, LossError> {
        LossError::check_temperature(self.temperature)?;
        Ok(NtXent { temperature: self.temperature })
    }
}

impl NtXent {
    /// # Shapes
    /// - a, b: two views, `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_eq!(a.dims(), b.dims(), "NT-Xent pairs row with row: both views must have one shape [batch, dim]");
        let [first, second] = queries(a, b, self.temperature, ctx.collective)
            .map(|queries| (log_sum_exp(queries.others()) - queries.positive).mean());
        (first + second) / 2.0
    }
}
