use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, FloatDType, Int, Tensor};

/// Half-precision inputs as f32, wider ones as they are: exponentials and their sums need the digits.
pub(crate) fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(FloatDType::F32),
        _ => x,
    }
}

/// Mean over rows of `-Σ_k target_ik log softmax(logits)_ik`, both `[rows, classes]`.
pub(crate) fn soft_cross_entropy(target: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    mean_of_row_products(target, log_softmax(logits, 1)).neg()
}

/// Mean over rows of the rows' inner products; rows are summed first, so that no sum is long.
pub(crate) fn mean_of_row_products(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (a * b).sum_dim(1).mean()
}

/// Mean over rows of the cross-entropy whose right answer for row i is column `first + i`.
pub(crate) fn diagonal_cross_entropy(logits: Tensor<2>, first: usize) -> Tensor<1> {
    let (rows, first) = (logits.dims()[0], first as i64);
    let answers = Tensor::<1, Int>::arange(first..first + rows as i64, &logits.device()).reshape([rows, 1]);
    log_softmax(logits, 1).gather(1, answers).mean().neg()
}
