use burn::tensor::{DType, FloatDType, Int, Tensor};

use crate::linear::with_slope;
use vlp_ops::{RowSoftmax, row_softmax, softmax_cross_entropy};

/// Half-precision inputs as f32, wider ones as they are: exponentials and their sums need the digits.
pub(crate) fn widened<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.cast(FloatDType::F32),
        _ => x,
    }
}

/// Mean over rows of `-Σ_k target_ik log softmax(scale · scores)_ik`, both `[rows, classes]`, scale `[1, 1]`. The target is
/// a constant whose rows sum to 1.
pub(crate) fn soft_cross_entropy(target: Tensor<2>, scores: Tensor<2>, scale: Tensor<2>) -> Tensor<1> {
    let softmax = row_softmax(scores.clone().inner() * scale.clone().inner());
    let values = values(&softmax, target.clone());
    with_slope(values, &[&scores, &scale], || {
        let gradient = softmax.shares - target.inner();
        (scores.clone() * gradient).sum_dim(1) * scale.clone()
    })
    .mean()
}

/// The same at a constant temperature, the inverse of the scale.
pub(crate) fn soft_cross_entropy_at(temperature: f64, target: Tensor<2>, scores: Tensor<2>) -> Tensor<1> {
    let scale = Tensor::full([1, 1], 1.0 / temperature, (&scores.device(), scores.dtype()));
    soft_cross_entropy(target, scores, scale)
}

/// The same with scores that are the products of `[rows, dim]` queries with `[classes, dim]` keys. The gradient goes to
/// these directly; the scores themselves are given without history.
pub(crate) fn soft_cross_entropy_of_products(
    target: Tensor<2>,
    scores: Tensor<2>,
    [queries, keys]: [Tensor<2>; 2],
    scale: Tensor<2>,
) -> Tensor<1> {
    let softmax = row_softmax(scores * scale.clone().inner());
    let values = values(&softmax, target.clone());
    with_slope(values, &[&queries, &keys, &scale], || {
        let gradient = softmax.shares - target.inner();
        (queries.clone() * gradient.matmul(keys.clone())).sum_dim(1) * scale.clone()
    })
    .mean()
}

/// `-Σ_k target_ik log softmax_ik` of every row, `[rows, 1]`.
fn values(softmax: &RowSoftmax, target: Tensor<2>) -> Tensor<2> {
    softmax.log_sum.clone() - (softmax.below.clone() * target.inner()).sum_dim(1)
}

/// The mean of all targets but that of the view itself, and how many these are; none if there is no other.
pub(crate) fn mean_of_others(targets: &[Tensor<2>], view: usize) -> Option<(Tensor<2>, f64)> {
    let others = targets.iter().enumerate().filter(|(of, _)| *of != view).map(|(_, target)| target.clone());
    let number = targets.len() - usize::from(view < targets.len());
    let sum = others.reduce(|sum, target| sum + target)?;
    Some((if number == 1 { sum } else { sum / number as f64 }, number as f64))
}

/// Mean over rows of the rows' inner products; rows are summed first, so that no sum is long.
pub(crate) fn mean_of_row_products(a: Tensor<2>, b: Tensor<2>) -> Tensor<1> {
    (a * b).sum_dim(1).mean()
}

/// Mean over rows of the cross-entropy whose right answer for row i is column `first + i`.
pub(crate) fn diagonal_cross_entropy(logits: Tensor<2>, first: usize) -> Tensor<1> {
    let (rows, first) = (logits.dims()[0], first as i64);
    let answers = Tensor::<1, Int>::arange(first..first + rows as i64, &logits.device());
    softmax_cross_entropy(logits, answers, 0.0).mean()
}
