use burn::tensor::Tensor;

use crate::linear::with_slope;

/// Below this nothing is left of a softplus, in f64 neither.
const LEAST: f64 = -1e4;

/// `log(1 + exp(x))` of every row, `[rows, 1]`, to the last digits also where it is nearly 0.
///
/// The loss of a row whose right answer scores p and whose others have the log-sum-exp n is `log(1 + exp(n - p))`: the same as
/// `log(exp(n) + exp(p)) - p`, of which nothing is left in f32 once it is smaller than the last digit of p.
pub(crate) fn softplus(x: Tensor<2>) -> Tensor<2> {
    // Where nothing competes x is minus infinity, and the loss and its gradient are 0, not infinity times 0.
    let nothing = x.clone().lower_elem(LEAST);
    let x = x.mask_fill(nothing, LEAST);
    let inner = x.clone().inner();
    let small = inner.clone().abs().neg().exp();
    let values = inner.clone().clamp_min(0.0) + small.clone().log1p();
    with_slope(values, &[&x], || {
        let less = small.clone() / (small + 1.0);
        let share = less.clone().mask_where(inner.greater_elem(0.0), less.neg() + 1.0);
        x.clone() * share
    })
}
