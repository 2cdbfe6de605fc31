use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::softplus::softplus;
use crate::two_views::queries;
use crate::{KeyGradients, Logits, LossError};

/// Configuration of [`NtXent`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtXentConfig {
    /// τ: 0.1 in SLIP and for SimCLR's best ImageNet runs.
    pub temperature: f64,
    /// Whether keys learn too.
    pub key_gradients: KeyGradients,
    /// Whether the similarities are held at once.
    pub logits: Logits,
}

impl Default for NtXentConfig {
    fn default() -> Self {
        NtXentConfig { temperature: 0.1, key_gradients: KeyGradients::Full, logits: Logits::Auto }
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
/// rows of all, and the mean over ranks is the loss of the joined batch; the gradient of the keys is that of
/// [`KeyGradients`]. A batch of one sample has no negatives: the loss is 0.
#[derive(Module, Debug, Copy)]
pub struct NtXent {
    #[module(skip)]
    config: NtXentConfig,
}

impl NtXentConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature is not a positive number.
    pub fn init(&self) -> Result<NtXent, LossError> {
        LossError::check_temperature(self.temperature)?;
        Ok(NtXent { config: *self })
    }
}

impl NtXent {
    /// The contrastive loss of two views of a batch.
    ///
    /// # Shapes
    /// - a, b: two views, `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or are empty.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("NT-Xent", &a, &b);
        let NtXentConfig { temperature, key_gradients, logits } = self.config;
        let [first, second] = queries([a, b], temperature, key_gradients, ctx.collective)
            .map(|queries| softplus(queries.negatives(logits) - queries.positive).mean());
        (first + second) / 2.0
    }
}
