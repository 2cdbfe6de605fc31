use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::diagonal::diagonal;
use crate::groups::Groups;
use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::{KeyGradients, LogitScale, LogitScaleConfig, Logits, LossError, l2_normalize};

/// Configuration of [`Sigmoid`]: where its learnable parts start, and how it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SigmoidConfig {
    /// The scale starts at the inverse of this: 0.1, so that its logarithm starts at ln 10.
    pub temperature: f64,
    /// The bias starts here: -10, because nearly all pairs of a batch are negative ones.
    pub bias: f64,
    /// Whether the vectors that a row is compared with learn from it.
    pub key_gradients: KeyGradients,
    /// Whether the similarities are held at once.
    pub logits: Logits,
}

impl Default for SigmoidConfig {
    fn default() -> Self {
        SigmoidConfig {
            temperature: 0.1,
            bias: -10.0,
            key_gradients: KeyGradients::default(),
            logits: Logits::default(),
        }
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
/// the joined batch.
#[derive(Module, Debug)]
pub struct Sigmoid {
    /// s, learned as its logarithm. The paper has no clamp; [`LogitScale::clamped`] is open_clip's.
    pub scale: LogitScale,
    /// β, `[1]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    config: SigmoidConfig,
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
            config: *self,
        })
    }
}

impl Sigmoid {
    /// The loss of a batch of pairs, each a yes-or-no question.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised, compared in f32 whatever their precision; row i of one belongs to row i of
    ///   the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("SigLIP", &a, &b);
        let rows = a.dims()[0];
        let (queries, keys) = (l2_normalize(widened(a)), self.keys(b, ctx));
        self.sum(queries, keys, Some(ctx.collective.rank() * rows)) / rows as f64
    }

    /// The same where rows with one id belong together: `z_ij = 1` for all of them, so that the same caption twice in a
    /// batch is no false negative.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, as for [`Sigmoid::forward`]
    /// - ids: one for every row, such as a hash of the caption; compared over all ranks
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or there is not one id for every row.
    pub fn forward_with_ids(&self, a: Tensor<2>, b: Tensor<2>, ids: &[u64], ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("SigLIP", &a, &b);
        let (rows, rank, device) = (a.dims()[0], ctx.collective.rank(), a.device());
        let (queries, keys) = (l2_normalize(widened(a)), self.keys(b, ctx));
        let groups = Groups::new(ids, rows, ctx.collective, &device);
        let own = keys.clone().slice([rank * rows..(rank + 1) * rows]);
        // -log σ(x) = softplus(x) - x: the other positives are taken as negatives and x subtracted.
        let others = groups.sums(keys.clone()) - own;
        let logits = (queries.clone() * others).sum_dim(1) * self.scale.scale().unsqueeze::<2>()
            + (groups.sizes(&queries) - 1.0) * self.bias.val().unsqueeze::<2>();
        self.sum(queries, keys, Some(rank * rows)) / rows as f64 - logits.mean()
    }

    /// Every row with every row as a negative, none as its partner: what a rank adds for the texts of another
    /// (open_clip's `negative_only`).
    ///
    /// # Shapes
    /// - a: `[rows, dim]`, b: `[columns, dim]`, not normalised
    /// - result: `[1]`, divided by the number of rows
    ///
    /// # Panics
    /// When `a` and `b` differ in width.
    pub fn negatives(&self, a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
        let rows = a.dims()[0];
        self.sum(l2_normalize(widened(a)), l2_normalize(widened(b)), None) / rows as f64
    }

    fn keys(&self, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
        self.config.key_gradients.gather(l2_normalize(widened(b)), ctx.collective)
    }

    /// `Σ_ij -log σ(z_ij l_ij)`, `[1]`; row i's positive is column `positive + i`.
    fn sum(&self, queries: Tensor<2>, keys: Tensor<2>, positive: Option<usize>) -> Tensor<1> {
        let (scale, bias) = (self.scale.scale(), self.bias.val());
        let (rows, columns) = (queries.dims()[0], keys.dims()[0]);
        if self.config.logits.chunked(rows, columns) {
            return vlp_ops::softplus_sum(queries, keys, scale, bias, positive);
        }
        let (scale, bias) = (scale.unsqueeze::<2>(), bias.unsqueeze::<2>());
        let logits = queries.matmul(keys.transpose()) * scale + bias;
        // -log σ(-x) = softplus(x), and -log σ(x) = softplus(-x) for the positives.
        let logits = match positive {
            Some(first) => {
                let mask = diagonal([rows, columns], first, &logits.device());
                logits.clone().mask_where(mask, logits.neg())
            }
            None => logits,
        };
        softplus(logits, 1.0).sum_dim(1).sum()
    }
}
