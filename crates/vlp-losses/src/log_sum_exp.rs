use burn::tensor::Tensor;

use crate::linear::with_slope;
use vlp_ops::{RowSoftmax, row_softmax};

/// What stands in [`log_sum_exp`] for entries that do not count: far below all others, and finite, because minus infinity
/// times a share of zero is no number.
pub(crate) const HIDDEN: f32 = -1e30;

/// `log Σ_j exp(x_ij)` of every row, `[rows, 1]`; entries of [`HIDDEN`] do not count, but a row needs another.
pub(crate) fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let RowSoftmax { shares, log_sum, highest, .. } = row_softmax(x.clone().inner());
    with_slope(log_sum + highest, &[&x], || (x.clone() * shares).sum_dim(1))
}
