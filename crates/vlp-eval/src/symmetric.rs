//! The two problems of symmetric matrices that evaluation has, solved in f64 without a library of linear algebra.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Solves `A X = B` for a symmetric positive definite `A` by Cholesky's decomposition; `None` when it is not definite to
/// the precision of f64.
pub(crate) fn solve(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = a.nrows();
    let mut lower = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let rest = a[[i, j]] - (0..j).map(|k| lower[[i, k]] * lower[[j, k]]).sum::<f64>();
            lower[[i, j]] = if i > j {
                rest / lower[[j, j]]
            } else if rest > 0.0 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    let mut x = b.to_owned();
    for i in 0..n {
        subtract_rows(x.view_mut(), i, (0..i).map(|k| (k, lower[[i, k]])));
        x.row_mut(i).mapv_inplace(|v| v / lower[[i, i]]);
    }
    for i in (0..n).rev() {
        subtract_rows(x.view_mut(), i, (i + 1..n).map(|k| (k, lower[[k, i]])));
        x.row_mut(i).mapv_inplace(|v| v / lower[[i, i]]);
    }
    Some(x)
}

/// Takes multiples of other rows from row `i`.
fn subtract_rows(mut x: ArrayViewMut2<'_, f64>, i: usize, others: impl Iterator<Item = (usize, f64)>) {
    for (k, factor) in others {
        let (mut row, other) = x.multi_slice_mut((ndarray::s![i, ..], ndarray::s![k, ..]));
        row.scaled_add(-factor, &other);
    }
}

/// The eigenvalues of a symmetric matrix in no order, by Jacobi's rotations until nothing is left off the diagonal.
pub(crate) fn eigenvalues(mut a: Array2<f64>) -> Vec<f64> {
    let n = a.nrows();
    let whole: f64 = a.iter().map(|v| v * v).sum();
    // Each sweep squares what is left once it is small; a dozen is more than any matrix here needs.
    for _ in 0..40 {
        let off: f64 = a.indexed_iter().filter(|((i, j), _)| i != j).map(|(_, v)| v * v).sum();
        if off <= whole * f64::EPSILON * f64::EPSILON {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, p, q);
            }
        }
    }
    a.diag().to_vec()
}

/// Turns the plane of two axes so that their common element becomes zero (Golub and Van Loan, section 8.5).
fn rotate(a: &mut Array2<f64>, p: usize, q: usize) {
    let apq = a[[p, q]];
    if apq == 0.0 {
        return;
    }
    let tau = (a[[q, q]] - a[[p, p]]) / (2.0 * apq);
    let t = if tau >= 0.0 { 1.0 / (tau + tau.hypot(1.0)) } else { -1.0 / (-tau + tau.hypot(1.0)) };
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    let (app, aqq) = (a[[p, p]], a[[q, q]]);
    for k in (0..a.nrows()).filter(|k| *k != p && *k != q) {
        let (akp, akq) = (a[[p, k]], a[[q, k]]);
        let (new_p, new_q) = (c * akp - s * akq, s * akp + c * akq);
        (a[[p, k]], a[[k, p]], a[[q, k]], a[[k, q]]) = (new_p, new_p, new_q, new_q);
    }
    (a[[p, p]], a[[q, q]]) = (app - t * apq, aqq + t * apq);
    (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn a_definite_system_is_solved_and_another_refused() {
        let a = array![[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        let x = array![[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25]];
        let got = solve(a.view(), a.dot(&x).view()).expect("definite");
        // A few roundings of f64 at magnitude 10, condition 3.
        assert!((&got - &x).iter().all(|d| d.abs() < 1e-14), "{got}");
        assert!(solve(array![[1.0, 2.0], [2.0, 1.0]].view(), array![[1.0], [1.0]].view()).is_none());
    }

    #[test]
    fn eigenvalues_of_a_turned_diagonal_are_its_entries() {
        let n = 12;
        let entries: Array1<f64> = (0..n).map(|i| [9.0, 0.0, 1e-9, 2.0][i % 4] * (1.0 + i as f64)).collect();
        // A Householder reflection is orthogonal: I - 2 v vᵀ / (vᵀ v).
        let v: Array2<f64> = Array2::from_shape_fn((n, 1), |(i, _)| ((i * i) as f64).sin() + 0.3);
        let turn = Array2::eye(n) - v.dot(&v.t()) * (2.0 / v.iter().map(|x| x * x).sum::<f64>());
        let mut got = eigenvalues(turn.dot(&Array2::from_diag(&entries)).dot(&turn.t()));
        let mut want = entries.to_vec();
        got.sort_by(f64::total_cmp);
        want.sort_by(f64::total_cmp);
        // Relative to the largest, 81.
        assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} {want:?}");
    }
}
