use burn::tensor::Tensor;
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

/// `C = 1/N Σ_n a_n b_nᵀ` over the rows of all ranks.
#[derive(Debug)]
pub(crate) struct CrossCorrelation {
    /// `[dim, dim]`.
    matrix: Tensor<2>,
    /// `[1, dim]`.
    diagonal: Tensor<2>,
}

impl CrossCorrelation {
    /// Of `[batch, dim]` and `[batch, dim]`, with as many rows on every rank.
    pub(crate) fn new(a: Tensor<2>, b: Tensor<2>, gradient: CorrelationGradient, collective: &dyn Collective) -> Self {
        let number = (a.dims()[0] * collective.world()) as f64;
        let sum = |own: Tensor<2>| match gradient {
            _ if collective.world() == 1 => own,
            CorrelationGradient::Full => collective.all_reduce_sum(own),
            CorrelationGradient::OwnRank => {
                let constant = own.clone().detach();
                own + (collective.all_reduce_sum(constant.clone()) - constant)
            }
        };
        // The diagonal on its own costs N dim, taking it out of the matrix dim² more memory.
        let diagonal = sum((a.clone() * b.clone()).sum_dim(0)) / number;
        CrossCorrelation { matrix: sum(a.transpose().matmul(b)) / number, diagonal }
    }

    /// `Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²`, `[1]`.
    pub(crate) fn distance_to_identity(self, off_diagonal: f64) -> Tensor<1> {
        // Rows first: the matrix has 67 million elements at the papers' width.
        let rows = self.matrix.square().sum_dim(1).transpose();
        let others = rows - self.diagonal.clone().square();
        ((self.diagonal - 1.0).square() + others * off_diagonal).sum()
    }
}
