use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::Collective;

/// What a rank's gradient sees of the correlation summed over ranks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorrelationGradient {
    /// The collective's sum is differentiated: averaged over ranks, the gradient is that of the joined batch.
    #[default]
    Full,
    /// The other ranks' shares are constants, as in the released code of Barlow Twins and BarLIP: averaged over W ranks,
    /// the gradient is 1/W of the joined batch's, so that the term weighs the less the more ranks there are.
    OwnRank,
}

/// `C = 1/N Σ_n a_n b_nᵀ` over the rows of all ranks, its distance `Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²` to the identity and the
/// gradient of that, all without history.
pub(crate) struct Correlation {
    /// C, `[dim, dim]`.
    pub(crate) matrix: Tensor<2>,
    /// `[1]`.
    pub(crate) distance: Tensor<1>,
    /// The distance with respect to C, times the share that one row has in C: `[dim, dim]`.
    pub(crate) gradient: Tensor<2>,
}

impl Correlation {
    /// Of `[batch, dim]` and `[batch, dim]`, with as many rows on every rank.
    pub(crate) fn new(
        a: Tensor<2>,
        b: Tensor<2>,
        off_diagonal: f64,
        gradient: CorrelationGradient,
        collective: &dyn Collective,
    ) -> Self {
        let ([rows, dim], world) = (a.dims(), collective.world());
        let number = (rows * world) as f64;
        let mean = |own: Tensor<2>| collective.all_reduce_sum(own) / number;
        let (a, b) = (a.inner(), b.inner());
        let diagonal = mean((a.clone() * b.clone()).sum_dim(0));
        let matrix = mean(a.transpose().matmul(b));
        // Rows first: the matrix has 67 million elements at the papers' width.
        let squares = matrix.clone().square().sum_dim(1).sum() - diagonal.clone().square().sum();
        let distance = (diagonal.clone() - 1.0).square().sum() + squares * off_diagonal;

        // Every rank's loss depends alike on this rank's rows.
        let share = match gradient {
            CorrelationGradient::Full => world as f64 / number,
            CorrelationGradient::OwnRank => 1.0 / number,
        };
        // 2λ C, and 2 (C - 1) on the diagonal.
        let positions = Tensor::<1, Int>::arange(0..dim as i64, &matrix.device()).reshape([dim, 1]);
        let further = (diagonal.transpose() * (1.0 - off_diagonal) - 1.0) * (2.0 * share);
        let gradient = matrix.clone() * (2.0 * off_diagonal * share);
        let gradient = gradient.scatter(1, positions, further, IndexingUpdateOp::Add);
        Correlation { matrix, distance, gradient }
    }
}
