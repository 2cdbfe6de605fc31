use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::Collective;

use crate::linear::with_slope;

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

/// `Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²` with `C = 1/N Σ_n a_n b_nᵀ` over the rows of all ranks, λ = `off_diagonal`; a and b are
/// `[batch, dim]`, with as many rows on every rank.
pub(crate) fn distance_to_identity(
    a: Tensor<2>,
    b: Tensor<2>,
    off_diagonal: f64,
    gradient: CorrelationGradient,
    collective: &dyn Collective,
) -> Tensor<1> {
    let ([rows, dim], world) = (a.dims(), collective.world());
    let number = (rows * world) as f64;
    let mean = |own: Tensor<2>| collective.all_reduce_sum(own) / number;
    let (x, y) = (a.clone().inner(), b.clone().inner());
    let diagonal = mean((x.clone() * y.clone()).sum_dim(0));
    let matrix = mean(x.transpose().matmul(y));
    // Rows first: the matrix has 67 million elements at the papers' width.
    let squares = matrix.clone().square().sum_dim(1).sum() - diagonal.clone().square().sum();
    let distance = (diagonal.clone() - 1.0).square().sum() + squares * off_diagonal;

    // The distance with respect to C: 2λ C, and 2 (C - 1) on the diagonal.
    let positions = Tensor::<1, Int>::arange(0..dim as i64, &matrix.device()).reshape([dim, 1]);
    let further = (diagonal * (1.0 - off_diagonal) - 1.0) * 2.0;
    let by_matrix = (matrix * (2.0 * off_diagonal)).scatter(1, positions, further.transpose(), IndexingUpdateOp::Add);
    // Every rank's loss depends alike on this rank's rows.
    let losses = match gradient {
        CorrelationGradient::Full => world,
        CorrelationGradient::OwnRank => 1,
    };
    let slope = (a * b.matmul(by_matrix.transpose())).sum_dim(1).sum();
    with_slope(distance, slope * (losses as f64 / number))
}
