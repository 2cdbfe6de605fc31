use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;
use vlp_ops::{LogSumExp, Similarities};

use crate::diagonal::diagonal;
use crate::groups::Groups;
use crate::pair::assert_pair;
use crate::side::Side;
use crate::softplus::softplus;
use crate::{KeyGradients, Logits, LossError};

/// Configuration of [`InfoNce`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoNceConfig {
    /// ε: the target is `(1 - ε) onehot + ε / G` over the G candidates, PyTorch's meaning.
    pub label_smoothing: f64,
    /// Whether the vectors that a row is compared with learn from it.
    pub key_gradients: KeyGradients,
    /// Whether the similarities are held at once.
    pub logits: Logits,
}

/// CLIP's loss: each row must find its partner among all rows of the other side, in both directions.
///
/// ```text
/// n(x) = x / max(‖x‖, 1e-12)      s = scale      X = s n(a) n(b)ᵀ
/// L_a = mean_i [ log Σ_j exp(X_ij) - Σ_j T_ij X_ij ]      T = (1 - ε) target + ε / G      target: 1 where j = i
/// L_b = the same of Xᵀ                                    L = (L_a + L_b) / 2
/// ```
///
/// Radford et al. 2021, "Learning transferable visual models from natural language supervision", figure 3. With several
/// ranks each takes its own rows against the rows of all, and the mean over ranks is the loss of the joined batch.
#[derive(Debug, Clone, Copy)]
pub struct InfoNce {
    config: InfoNceConfig,
}

/// [`InfoNce`] taken apart; every tensor is `[1]`.
#[derive(Debug, Clone)]
pub struct InfoNceTerms {
    /// Rows of the first side looking for the second.
    pub first: Tensor<1>,
    /// Rows of the second side looking for the first.
    pub second: Tensor<1>,
    /// Share of rows of the first side that score a right partner highest, without gradient.
    pub accuracy: Tensor<1>,
}

/// How far each row's own partner lies from what the row should find, the mean of the right keys, for the rows of each side,
/// `[batch, dim]`; none where a row should find its own partner only.
type Gaps = Option<[Tensor<2>; 2]>;

/// Log-sum-exps of the rows of one side over all keys but the row's own partner, and the best of these.
struct Others {
    log_sum_exp: Tensor<1>,
    best: Tensor<1>,
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
        Ok(InfoNce { config: *self })
    }
}

impl InfoNceTerms {
    /// The mean of both directions.
    pub fn loss(self) -> Tensor<1> {
        (self.first + self.second) / 2.0
    }
}

impl InfoNce {
    /// The loss of a batch of pairs, with its accuracy.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised, compared in f32 whatever their precision; row i of one belongs to row i of
    ///   the other
    /// - scale: `[1]`, f32, the inverse temperature itself (not its logarithm)
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, scale: Tensor<1>, ctx: &StepContext<'_>) -> InfoNceTerms {
        let (a, b) = self.sides(a, b, ctx);
        self.contrast(&a, &b, scale, ctx)
    }

    /// The same where rows with one id belong together: each is right for every other, so that the same caption twice in
    /// a batch is no false negative. The target is spread evenly over them (as UniCL does with labels, Yang et al. 2022).
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, scale: `[1]`, as for [`InfoNce::forward`]
    /// - ids: one for every row, such as a hash of the caption; compared over all ranks
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or there is not one id for every row.
    pub fn forward_with_ids(
        &self,
        a: Tensor<2>,
        b: Tensor<2>,
        ids: &[u64],
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> InfoNceTerms {
        let (a, b) = self.sides(a, b, ctx);
        let device = a.queries.device();
        let groups = Groups::new(ids, a.queries.dims()[0], ctx.collective, &device);
        let rank = ctx.collective.rank();
        let gaps = [&b, &a].map(|side| {
            let sizes = groups.sizes(&side.keys);
            let gap = side.own_keys(rank) - groups.sums(side.keys.clone()) / sizes.clone();
            // Of a row that is alone nothing must be left, in the gradient neither.
            gap * (sizes - 1.0).clamp_max(1.0)
        });
        let right =
            |best: Tensor<1, Int>| groups.of_keys(&device).select(0, best).equal(groups.of_rows(&device)).float();
        self.terms(&a, &b, Some(gaps), scale, rank, right)
    }

    /// The same with a target distribution for every row.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, scale: `[1]`, as for [`InfoNce::forward`]
    /// - targets: of the rows of `a` over those of `b` of all ranks, and of the rows of `b` over those of `a`, each
    ///   `[batch, world * batch]`; every row sums to 1
    ///
    /// # Panics
    /// When `a` and `b`, or the targets, differ in shape.
    pub fn forward_with_targets(
        &self,
        a: Tensor<2>,
        b: Tensor<2>,
        targets: [Tensor<2>; 2],
        scale: Tensor<1>,
        ctx: &StepContext<'_>,
    ) -> InfoNceTerms {
        let (a, b) = self.sides(a, b, ctx);
        let expected = [a.queries.dims()[0], b.keys.dims()[0]];
        for target in &targets {
            assert_eq!(target.dims(), expected, "the targets of either side must be [batch, world * batch]");
        }
        let most = targets[0].clone().argmax(1).flatten::<1>(0, 1);
        let (rank, device) = (ctx.collective.rank(), a.queries.device());
        let own = diagonal(expected, rank * expected[0], &device);
        let [of_a, of_b] = targets.map(|target| target.zeros_like().mask_fill(own.clone(), 1.0) - target);
        let gaps = [of_a.matmul(b.keys.clone()), of_b.matmul(a.keys.clone())];
        self.terms(&a, &b, Some(gaps), scale, rank, |best| best.equal(most).float())
    }

    pub(crate) fn side(&self, x: Tensor<2>, ctx: &StepContext<'_>) -> Side {
        Side::new(x, self.config.key_gradients, ctx.collective)
    }

    fn sides(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> (Side, Side) {
        assert_pair("InfoNCE", &a, &b);
        (self.side(a, ctx), self.side(b, ctx))
    }

    /// Sides that are there already, row i of one belonging to row i of the other.
    pub(crate) fn contrast(&self, a: &Side, b: &Side, scale: Tensor<1>, ctx: &StepContext<'_>) -> InfoNceTerms {
        let (rank, rows) = (ctx.collective.rank(), a.queries.dims()[0]);
        let first = (rank * rows) as i64;
        let own = Tensor::<1, Int>::arange(first..first + rows as i64, &a.queries.device());
        self.terms(a, b, None, scale, rank, |best| best.equal(own).float())
    }

    fn terms(
        &self,
        a: &Side,
        b: &Side,
        gaps: Gaps,
        scale: Tensor<1>,
        rank: usize,
        right: impl FnOnce(Tensor<1, Int>) -> Tensor<1>,
    ) -> InfoNceTerms {
        let [of_a, of_b] = self.others(a, b, scale.clone(), rank);
        let best = best(a, &b.own_keys(rank), &b.keys, of_a.best, rank);
        let [for_a, for_b] = gaps.map_or([None, None], |gaps| gaps.map(Some));
        InfoNceTerms {
            accuracy: right(best).mean(),
            first: self.cross_entropy(of_a.log_sum_exp, a, b, for_a, scale.clone(), rank),
            second: self.cross_entropy(of_b.log_sum_exp, b, a, for_b, scale, rank),
        }
    }

    /// Of the rows of each side.
    fn others(&self, a: &Side, b: &Side, scale: Tensor<1>, rank: usize) -> [Others; 2] {
        let logits = self.config.logits;
        let without = vec![rank * a.queries.dims()[0]];
        let one_rank = a.queries.dims() == a.keys.dims();
        if one_rank && self.config.key_gradients == KeyGradients::Full {
            // One product serves both directions.
            let (queries, keys) = (a.queries.clone(), b.queries.clone());
            let LogSumExp { rows, columns, best } =
                logits.log_sum_exp(queries, keys, scale, Similarities::RowsAndColumns { without });
            let columns = columns.expect("columns were asked for");
            return [Others { log_sum_exp: rows, best: best.clone() }, Others { log_sum_exp: columns, best }];
        }
        [(a, b), (b, a)].map(|(from, to)| {
            let which = Similarities::Rows { without: without.clone() };
            let sums = logits.log_sum_exp(from.queries.clone(), to.keys.clone(), scale.clone(), which);
            Others { log_sum_exp: sums.rows, best: sums.best }
        })
    }

    /// Mean over rows of `log Σ_j exp(x_ij) - s q_i·((1 - ε) t_i + ε mean_j k_j)`, as the sum of two parts that are as small as
    /// the loss: with p the row's own partner and n the log-sum-exp of the others,
    /// `log(1 + exp(n - s q·p)) + s q·((1 - ε) (p - t) + ε (p - mean_j k_j))`. A target is linear in the keys, so the logits are
    /// needed for their sums only.
    fn cross_entropy(
        &self,
        others: Tensor<1>,
        from: &Side,
        to: &Side,
        gap: Option<Tensor<2>>,
        scale: Tensor<1>,
        rank: usize,
    ) -> Tensor<1> {
        let smoothing = self.config.label_smoothing;
        let (own, scale) = (to.own_keys(rank), scale.unsqueeze::<2>());
        let found = |keys: Tensor<2>| (from.queries.clone() * keys).sum_dim(1) * scale.clone();
        let smoothed = (smoothing > 0.0).then(|| (own.clone() - to.keys.clone().mean_dim(0)) * smoothing);
        let gap = match (gap.map(|gap| gap * (1.0 - smoothing)), smoothed) {
            (Some(gap), Some(smoothed)) => Some(gap + smoothed),
            (gap, smoothed) => gap.or(smoothed),
        };
        let losses = softplus(others.unsqueeze_dim(1) - found(own));
        match gap {
            Some(gap) => (losses + found(gap)).mean(),
            None => losses.mean(),
        }
    }
}

/// The column of the largest entry of each row, the first of several: its own partner's or the best of the others.
fn best(from: &Side, own_keys: &Tensor<2>, keys: &Tensor<2>, others: Tensor<1>, rank: usize) -> Tensor<1, Int> {
    let (queries, rows) = (from.queries.clone().detach(), from.queries.dims()[0]);
    let others = others.detach().int();
    let score = |keys: Tensor<2>| (queries.clone() * keys).sum_dim(1).flatten::<1>(0, 1);
    let (mine, theirs) = (score(own_keys.clone().detach()), score(keys.clone().detach().select(0, others.clone())));
    let first = (rank * rows) as i64;
    let own = Tensor::<1, Int>::arange(first..first + rows as i64, &queries.device());
    let tie = mine.clone().equal(theirs.clone()).bool_and(own.clone().lower(others.clone()));
    others.mask_where(mine.greater(theirs).bool_or(tie), own)
}
