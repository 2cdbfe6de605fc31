use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use serde::{Deserialize, Serialize};
use vlp_core::{Collective, StepContext};

use crate::pair::assert_pair;
use crate::two_views::queries;
use crate::{KeyGradients, Logits, LossError};

/// Configuration of [`Dcl`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DclConfig {
    /// τ: 0.1.
    pub temperature: f64,
    /// σ of DCLW's weights, 0.5 in the paper; without it every positive weighs 1 (DCL).
    pub sigma: Option<f64>,
    /// Whether keys learn too.
    pub key_gradients: KeyGradients,
    /// Whether the similarities are held at once.
    pub logits: Logits,
}

impl Default for DclConfig {
    fn default() -> Self {
        DclConfig { temperature: 0.1, sigma: None, key_gradients: KeyGradients::Full, logits: Logits::Auto }
    }
}

impl DclConfig {
    /// DCLW with the paper's constants: positives that are already close weigh less.
    pub fn weighted() -> Self {
        DclConfig { sigma: Some(0.5), ..Default::default() }
    }

    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature or σ is not a positive number.
    pub fn init(&self) -> Result<Dcl, LossError> {
        LossError::check_temperature(self.temperature)?;
        if let Some(sigma) = self.sigma {
            LossError::check_positive("sigma", sigma, 0.5)?;
        }
        Ok(Dcl { config: *self })
    }
}

/// Decoupled contrastive learning: NT-Xent without the positive in the denominator.
///
/// ```text
/// s(x, y) = n(x)·n(y) / τ        w_i = 1        DCLW: w_i = 2 - N softmax_i(n(a_i)·n(b_i) / σ), a constant
/// L_a = 1/N Σ_i { log Σ_j≠i [exp s(a_i, a_j) + exp s(a_i, b_j)] - w_i s(a_i, b_i) }        L = (L_a + L_b) / 2
/// ```
///
/// Yeh et al. 2021, "Decoupled contrastive learning". The loss can be negative. DCLW's weights have mean 1 over the
/// batch of all ranks and receive no gradient, as in lightly. With several ranks each takes its own rows against the rows
/// of all, and the mean over ranks is the loss of the joined batch; the gradient of the keys is that of [`KeyGradients`].
#[derive(Module, Debug, Copy)]
pub struct Dcl {
    #[module(skip)]
    config: DclConfig,
}

impl Dcl {
    /// The decoupled contrastive loss of a batch of pairs.
    ///
    /// # Shapes
    /// - a, b: two views, `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or are empty, or there is only one sample on all ranks together: it has
    /// no negatives.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("DCL", &a, &b);
        let number = a.dims()[0] * ctx.collective.world();
        assert!(number > 1, "DCL has nothing but negatives in its denominator: it needs a batch of 2 or more");
        let DclConfig { temperature, key_gradients, logits, .. } = self.config;
        let [first, second] = queries([a, b], temperature, key_gradients, ctx.collective).map(|queries| {
            let negatives = queries.negatives(logits);
            let positive = match self.config.sigma {
                Some(sigma) => self.weights(queries.positive.clone(), sigma, ctx.collective) * queries.positive,
                None => queries.positive,
            };
            (negatives - positive).mean()
        });
        (first + second) / 2.0
    }

    /// `2 - N softmax(cos / σ)` of this rank's rows, from their positives.
    fn weights(&self, positive: Tensor<2>, sigma: f64, collective: &dyn Collective) -> Tensor<2> {
        let rows = positive.dims()[0];
        let all = KeyGradients::Detached.gather(positive * (self.config.temperature / sigma), collective);
        let (number, first) = (all.dims()[0] as f64, collective.rank() * rows);
        softmax(all, 0).slice([first..first + rows]) * -number + 2.0
    }
}
