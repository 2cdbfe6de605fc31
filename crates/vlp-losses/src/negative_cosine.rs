use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::{LossError, l2_normalize};

/// How the mean cosine becomes a loss; the two differ by a factor and a constant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CosineForm {
    /// `-cos`, within -1..1 (SimSiam).
    #[default]
    Negative,
    /// `2 - 2 cos`, within 0..4: the squared distance of the normalised vectors (BYOL).
    SquaredDistance,
}

/// Configuration of [`NegativeCosine`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NegativeCosineConfig {
    /// SimSiam's or BYOL's form.
    pub form: CosineForm,
    /// Lets gradient into the targets too. Off in both papers: without the stop-gradient everything collapses.
    pub target_gradient: bool,
}

/// Turns each prediction towards its target.
///
/// ```text
/// n(x) = x / max(‖x‖, 1e-12)      c = 1/N Σ_i n(p_i)·n(sg z_i)      L = -c   or   2 - 2c
/// ```
///
/// Chen and He 2020, "Exploring simple Siamese representation learning"; Grill et al. 2020, "Bootstrap your own latent".
/// This is one direction. SimSiam takes the mean of (p₁, z₂) and (p₂, z₁), BYOL their sum. The mean over ranks is the
/// loss of the joined batch; nothing is exchanged.
#[derive(Module, Debug, Copy)]
pub struct NegativeCosine {
    #[module(skip)]
    config: NegativeCosineConfig,
}

impl NegativeCosineConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// Never so far: every configuration is valid.
    pub fn init(&self) -> Result<NegativeCosine, LossError> {
        Ok(NegativeCosine { config: *self })
    }
}

impl NegativeCosine {
    /// Minus the mean cosine of predictions and targets.
    ///
    /// # Shapes
    /// - predictions, targets: `[batch, dim]`, not normalised
    /// - result: `[1]`
    ///
    /// # Panics
    /// When the two differ in shape or device, or are empty.
    pub fn forward(&self, predictions: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        assert_pair("negative cosine", &predictions, &targets);
        let targets = if self.config.target_gradient { targets } else { targets.inner() };
        // Each side by its own norm: the product of two norms could overflow.
        let cosine = (l2_normalize(widened(predictions)) * l2_normalize(widened(targets))).sum_dim(1).mean();
        match self.config.form {
            CosineForm::Negative => cosine.neg(),
            CosineForm::SquaredDistance => cosine * -2.0 + 2.0,
        }
    }
}
