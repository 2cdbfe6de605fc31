use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::soft_cross_entropy::widened;
use crate::{LogitScale, LogitScaleConfig, LossError, l2_normalize};

/// Where the learnable parts of a [`Sigmoid`] loss start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigmoidConfig {
    /// The scale starts at the inverse of this: 0.1, so that its logarithm starts at ln 10.
    pub temperature: f64,
    /// The bias starts here: -10, because nearly all pairs of a batch are negative ones.
    pub bias: f64,
}

impl Default for SigmoidConfig {
    fn default() -> Self {
        SigmoidConfig { temperature: 0.1, bias: -10.0 }
    }
}

/// SigLIP's loss: every image-text pair is a yes-or-no question of its own.
///
/// ```text
/// n(x) = x / max(‖x‖, 1e-12)      l_ij = s n(a_i)·n(b_j) + β      z_ii = 1, else -1
/// L = -1/N Σ_i Σ_j log σ(z_ij l_ij)
/// ```
///
/// Zhai et al. 2023, "Sigmoid loss for language image pre-training". The sign of β is that of the paper's pseudo-code
/// and of its released code; some printed forms of the equation negate it. The sum over N² pairs is divided by N. With
/// several ranks each takes its own rows of `a` against the rows of `b` of all, and the mean over ranks is the loss of
/// the joined batch; keys carry gradient as far as the collective's gather does.
#[derive(Module, Debug)]
pub struct Sigmoid {
    /// s, learned as its logarithm. The paper has no clamp; [`LogitScale::clamped`] is open_clip's.
    pub scale: LogitScale,
    /// β, `[1]`.
    pub bias: Param<Tensor<1>>,
}

impl SigmoidConfig {
    /// Builds the loss with its two parameters.
    ///
    /// # Errors
    /// When the temperature is not a positive number or the bias is not finite.
    pub fn init(&self, device: &Device) -> Result<Sigmoid, LossError> {
        if !self.bias.is_finite() {
            return Err(LossError::Bias(self.bias));
        }
        Ok(Sigmoid {
            scale: LogitScaleConfig { temperature: self.temperature }.init(device)?,
            bias: Initializer::Constant { value: self.bias }.init([1], device),
        })
    }
}

impl Sigmoid {
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_eq!(a.dims(), b.dims(), "SigLIP pairs row with row: both sides must have one shape [batch, dim]");
        let (a, b) = (l2_normalize(widened(a)), l2_normalize(widened(b)));
        let (scale, bias) = (self.scale.scale().unsqueeze::<2>(), self.bias.val().unsqueeze::<2>());
        let (rows, rank) = (a.dims()[0], ctx.collective.rank());
        let keys = ctx.collective.all_gather(b);
        let own = keys.clone().slice([rank * rows..(rank + 1) * rows]);
        let positive = (a.clone() * own).sum_dim(1) * scale.clone() + bias.clone();
        let logits = a.matmul(keys.transpose()) * scale + bias;
        // -log σ(-x) = softplus(x), and -log σ(x) = softplus(x) - x on the diagonal.
        (softplus(logits, 1.0).sum_dim(1) - positive).mean()
    }
}
