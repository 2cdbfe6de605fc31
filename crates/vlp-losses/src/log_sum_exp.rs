use burn::tensor::Tensor;

/// `log Σ_j exp(x_ij)` of every row, `[rows, 1]`; entries of minus infinity count nothing, but a row needs another.
pub(crate) fn log_sum_exp(x: Tensor<2>) -> Tensor<2> {
    let highest = x.clone().detach().max_dim(1);
    (x - highest.clone()).exp().sum_dim(1).log() + highest
}
