use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use crate::linear::with_slope;

/// What stands in [`log_sum_exp`] for entries that do not count: far below all others, and finite, because minus infinity
/// times a share of zero is no number.
pub(crate) const HIDDEN: f32 = -1e30;

/// `log Σ_j exp(x_ij)` of every row, `[rows, 1]`; entries of [`HIDDEN`] do not count, but a row needs another.
pub(crate) fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let constant = x.clone().inner();
    let highest = constant.clone().max_dim(1);
    let shares = softmax(constant, 1);
    // The largest share is the inverse of the sum of all that lies below the highest.
    let values = highest - shares.clone().max_dim(1).log();
    with_slope(values, (x * shares).sum_dim(1))
}
