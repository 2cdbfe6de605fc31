use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::soft_cross_entropy::widened;
use crate::{LossError, l2_normalize};

/// Configuration of [`InfoNce`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNceConfig {
    /// ε: the target is `(1 - ε) onehot + ε / G` over the G candidates, PyTorch's meaning.
    pub label_smoothing: f64,
}

/// CLIP's loss: each row must find its partner among all rows of the other side, in both directions.
///
/// ```text
/// n(x) = x / max(‖x‖, 1e-12)      s = scale      y_i = i
/// L_a = CE(s n(a) n(b)ᵀ, y; ε)    L_b = CE(s n(b) n(a)ᵀ, y; ε)    L = (L_a + L_b) / 2
/// ```
///
/// Radford et al. 2021, "Learning transferable visual models from natural language supervision", figure 3. With several
/// ranks each takes its own rows against the rows of all, and the mean over ranks is the loss of the joined batch; keys
/// carry gradient as far as the collective's gather does.
#[derive(Debug, Clone, Copy)]
pub struct InfoNce {
    label_smoothing: f64,
}

/// [`InfoNce`] taken apart; every tensor is `[1]`.
#[derive(Debug, Clone)]
pub struct InfoNceTerms {
    /// Rows of the first side looking for the second.
    pub first: Tensor<1>,
    /// Rows of the second side looking for the first.
    pub second: Tensor<1>,
    /// Share of rows of the first side whose partner scores highest, without gradient.
    pub accuracy: Tensor<1>,
}

impl InfoNceConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the label smoothing is not in `[0, 1)`.
    pub fn init(&self) -> Result<InfoNce, LossError> {
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(LossError::LabelSmoothing(self.label_smoothing));
        }
        Ok(InfoNce { label_smoothing: self.label_smoothing })
    }
}

impl InfoNceTerms {
    /// The mean of both directions.
    pub fn loss(self) -> Tensor<1> {
        (self.first + self.second) / 2.0
    }
}

impl InfoNce {
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised, compared in f32 whatever their precision; row i of one belongs to row i of
    ///   the other
    /// - scale: `[1]`, f32, the inverse temperature itself (not its logarithm)
    ///
    /// # Panics
    /// When `a` and `b` differ in shape.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, scale: Tensor<1>, ctx: &StepContext<'_>) -> InfoNceTerms {
        assert_eq!(a.dims(), b.dims(), "InfoNCE pairs row with row: both sides must have one shape [batch, dim]");
        let (a, b) = (l2_normalize(widened(a)), l2_normalize(widened(b)));
        let scale = scale.unsqueeze::<2>();
        let collective = ctx.collective;
        if collective.world() == 1 {
            // One product serves both directions.
            let logits = a.clone().matmul(b.clone().transpose()) * scale.clone();
            let positive = (a * b).sum_dim(1) * scale;
            return InfoNceTerms {
                accuracy: accuracy(logits.clone().detach(), 0),
                first: self.cross_entropy(logits.clone(), positive.clone()),
                second: self.cross_entropy(logits.transpose(), positive),
            };
        }
        let rank = collective.rank();
        let [first, second] = [(a.clone(), b.clone()), (b, a)].map(|(queries, keys)| {
            let rows = keys.dims()[0];
            let keys = collective.all_gather(keys);
            // A rank's own key counts as a key too, so that a gather without gradient cuts it like the others.
            let own = keys.clone().slice([rank * rows..(rank + 1) * rows]);
            let positive = (queries.clone() * own).sum_dim(1) * scale.clone();
            (queries.matmul(keys.transpose()) * scale.clone(), positive)
        });
        InfoNceTerms {
            accuracy: accuracy(first.0.clone().detach(), rank),
            first: self.cross_entropy(first.0, first.1),
            second: self.cross_entropy(second.0, second.1),
        }
    }

    /// Mean over rows of `lse(x_i) - (1 - ε) x_iy - ε mean_j x_ij`.
    fn cross_entropy(&self, logits: Tensor<2>, positive: Tensor<2>) -> Tensor<1> {
        let highest = logits.clone().detach().max_dim(1);
        let log_sum_exp = (logits.clone() - highest.clone()).exp().sum_dim(1).log() + highest;
        let mut loss = log_sum_exp - positive * (1.0 - self.label_smoothing);
        if self.label_smoothing > 0.0 {
            loss = loss - logits.mean_dim(1) * self.label_smoothing;
        }
        loss.mean()
    }
}

/// Share of rows whose largest logit is their own; the rows of `rank` follow those of the ranks before it.
fn accuracy(logits: Tensor<2>, rank: usize) -> Tensor<1> {
    let rows = logits.dims()[0];
    let first = (rank * rows) as i64;
    let targets = Tensor::<1, Int>::arange(first..first + rows as i64, &logits.device()).reshape([rows, 1]);
    logits.argmax(1).equal(targets).float().mean()
}
