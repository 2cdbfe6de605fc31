use burn::tensor::activation::softmax;
use burn::tensor::{DType, FloatDType, Int, Tensor};

use crate::linear::with_slope;
use crate::log_sum_exp::log_sum_exp;

/// Half-precision inputs as f32, wider ones as they are: exponentials and their sums need the digits.
pub(crate) fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(FloatDType::F32),
        _ => x,
    }
}

/// Mean over rows of `-Σ_k target_ik log softmax(scale · scores)_ik`, both `[rows, classes]`, scale `[1, 1]`. The target is
/// a constant.
pub(crate) fn soft_cross_entropy(target: Tensor<2>, scores: Tensor<2>, scale: Tensor<2>) -> Tensor<1> {
    let (values, gradient) = with_gradient(target, scores.clone().inner(), scale.clone().inner());
    with_slope(values, (scores * gradient).sum_dim(1) * scale).mean()
}

/// The same at a constant temperature, the inverse of the scale.
pub(crate) fn soft_cross_entropy_at(temperature: f64, target: Tensor<2>, scores: Tensor<2>) -> Tensor<1> {
    let scale = Tensor::full([1, 1], 1.0 / temperature, (&scores.device(), scores.dtype()));
    soft_cross_entropy(target, scores, scale)
}

/// The same with the scores of every query with every key, `[rows, dim]` and `[classes, dim]`: no gradient of the scores is
/// made on the way to theirs. `scores` may be given where they are known already, without history.
pub(crate) fn soft_cross_entropy_of_products(
    target: Tensor<2>,
    scores: Tensor<2>,
    [queries, keys]: [Tensor<2>; 2],
    scale: Tensor<2>,
) -> Tensor<1> {
    let (values, gradient) = with_gradient(target, scores.inner(), scale.clone().inner());
    with_slope(values, (queries * gradient.matmul(keys)).sum_dim(1) * scale).mean()
}

/// The cross-entropy of every row, `[rows, 1]`, and its gradient with respect to the scaled scores.
fn with_gradient(target: Tensor<2>, scores: Tensor<2>, scale: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let target = target.inner();
    let logits = scores * scale;
    let highest = logits.clone().max_dim(1);
    let below = logits - highest;
    let shares = softmax(below.clone(), 1);
    // The largest share is the inverse of the sum of all that lies below the highest.
    let log_sum_exp = shares.clone().max_dim(1).log().neg();
    let mass = target.clone().sum_dim(1);
    let values = log_sum_exp * mass.clone() - (below * target.clone()).sum_dim(1);
    (values, shares * mass - target)
}

/// Mean over rows of the rows' inner products; rows are summed first, so that no sum is long.
pub(crate) fn mean_of_row_products(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (a * b).sum_dim(1).mean()
}

/// Mean over rows of the cross-entropy whose right answer for row i is column `first + i`.
pub(crate) fn diagonal_cross_entropy(logits: Tensor<2>, first: usize) -> Tensor<1> {
    let (rows, first) = (logits.dims()[0], first as i64);
    let answers = Tensor::<1, Int>::arange(first..first + rows as i64, &logits.device()).reshape([rows, 1]);
    (log_sum_exp(logits.clone()) - logits.gather(1, answers)).mean()
}
