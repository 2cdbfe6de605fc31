use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

/// The softmax of every row and what its logarithm is made of, without history.
pub(crate) struct RowSoftmax {
    /// `[rows, classes]`.
    pub(crate) shares: Tensor<2>,
    /// The logits less the highest of their row, `[rows, classes]`.
    pub(crate) below: Tensor<2>,
    /// `log Σ_k exp(below_ik)`, `[rows, 1]`, so that the shares' logarithm is `below - log_sum`.
    pub(crate) log_sum: Tensor<2>,
    /// `[rows, 1]`.
    pub(crate) highest: Tensor<2>,
}

impl RowSoftmax {
    pub(crate) fn new(logits: Tensor<2>) -> Self {
        let logits = logits.inner();
        let highest = logits.clone().max_dim(1);
        let below = logits - highest.clone();
        let shares = softmax(below.clone(), 1);
        // The largest share is the inverse of the sum.
        let log_sum = shares.clone().max_dim(1).log().neg();
        RowSoftmax { shares, below, log_sum, highest }
    }
}
