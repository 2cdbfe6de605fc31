use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::backend::SimilarityOps;

/// The softmax of every row and what its logarithm is made of.
#[derive(Debug, Clone)]
pub struct RowSoftmax {
    /// `exp(x_ij - h_i) / Σ_k exp(x_ik - h_i)`, `[rows, columns]`.
    pub shares: Tensor<2>,
    /// `x_ij - h_i`, `[rows, columns]`.
    pub below: Tensor<2>,
    /// `h_i = max_j x_ij`, `[rows, 1]`.
    pub highest: Tensor<2>,
    /// `log Σ_k exp(x_ik - h_i)`, `[rows, 1]`: the shares' logarithm is `below - log_sum`.
    pub log_sum: Tensor<2>,
}

/// Softmax over rows with its parts, from one pass over the logits.
///
/// For losses whose gradient has a closed form, and which therefore compute beneath automatic differentiation: under it
/// this is a chain of burn's own operations.
///
/// # Shapes
/// - logits: `[rows, columns]`
///
/// # Panics
/// When there is no column.
pub fn row_softmax(logits: Tensor<2>) -> RowSoftmax {
    let [rows, columns] = logits.dims();
    assert!(columns > 0, "softmax over rows needs a column");
    let (shares, below, parts) = <Dispatch as SimilarityOps>::row_softmax(logits.into_dispatch());
    let parts = Tensor::<2>::from_dispatch(parts);
    RowSoftmax {
        shares: Tensor::from_dispatch(shares),
        below: Tensor::from_dispatch(below),
        highest: parts.clone().slice([0..rows, 0..1]),
        log_sum: parts.slice([0..rows, 1..2]),
    }
}
