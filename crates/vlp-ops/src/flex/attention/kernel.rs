//! Vector code: products of small matrices in registers, exponentials, reductions of rows.

use std::ops::Range;

use pulp::Simd;

/// The left matrix of a product: element `(i, k)` stands at `from + i * row + k * depth`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) from: usize,
    pub(super) row: usize,
    pub(super) depth: usize,
}

/// The right matrix: row k stands at `k * stride`, `vectors` registers of it count.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) vectors: usize,
}

/// Gives `put` each register of `Σ_k left(i, k) right(k, ..)`, with its row and its number in the row, for all `rows`.
///
/// Up to seven rows of `left` behind the last are read, and must be there.
#[inline(always)]
pub(super) fn product<S: Simd>(
    simd: S,
    left: Left<'_>,
    right: Right<'_>,
    rows: usize,
    depth: Range<usize>,
    put: impl FnMut(usize, usize, S::f32s),
) {
    // Sums that stay in registers: 8 x 2 beside two rows and a broadcast where there are 32, half of that where 16.
    if S::REGISTER_COUNT >= 32 {
        blocks::<S, 8>(simd, left, right, rows, depth, put);
    } else {
        blocks::<S, 4>(simd, left, right, rows, depth, put);
    }
}

#[inline(always)]
fn blocks<S: Simd, const M: usize>(
    simd: S,
    left: Left<'_>,
    right: Right<'_>,
    rows: usize,
    depth: Range<usize>,
    mut put: impl FnMut(usize, usize, S::f32s),
) {
    let pairs = right.vectors / 2 * 2;
    for vector in (0..pairs).step_by(2) {
        for row in (0..rows).step_by(M) {
            block::<S, M, 2>(simd, left, right, [row, rows], vector, depth.clone(), &mut put);
        }
    }
    if pairs < right.vectors {
        for row in (0..rows).step_by(M) {
            block::<S, M, 1>(simd, left, right, [row, rows], pairs, depth.clone(), &mut put);
        }
    }
}

#[inline(always)]
fn block<S: Simd, const M: usize, const N: usize>(
    simd: S,
    left: Left<'_>,
    right: Right<'_>,
    [row, rows]: [usize; 2],
    vector: usize,
    depth: Range<usize>,
    put: &mut impl FnMut(usize, usize, S::f32s),
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; M];
    let first = left.from + row * left.row;
    for k in depth {
        let from = k * right.stride + vector * S::F32_LANES;
        let (others, _) = S::as_simd_f32s(&right.values[from..from + N * S::F32_LANES]);
        let at = first + k * left.depth;
        for (number, sums) in sums.iter_mut().enumerate() {
            let value = simd.splat_f32s(left.values[at + number * left.row]);
            for (sum, &other) in sums.iter_mut().zip(others) {
                *sum = simd.mul_add_e_f32s(value, other, *sum);
            }
        }
    }
    for (number, sums) in sums.into_iter().enumerate().take(rows - row) {
        for (column, sum) in sums.into_iter().enumerate() {
            put(row + number, vector + column, sum);
        }
    }
}

/// Writes a register at `at`, or that part of it which the row still holds.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, row: &mut [f32], at: usize, value: S::f32s) {
    let row = &mut row[at..];
    match S::as_mut_simd_f32s(row).0.first_mut() {
        Some(place) => *place = value,
        None => simd.partial_store_f32s(row, value),
    }
}

/// Writes `factor x`.
#[inline(always)]
pub(super) fn copy<S: Simd>(simd: S, to: &mut [f32], x: &[f32], factor: f32) {
    let ((x, x_rest), (to, to_rest)) = (S::as_simd_f32s(x), S::as_mut_simd_f32s(to));
    let by = simd.splat_f32s(factor);
    for (to, &x) in to.iter_mut().zip(x) {
        *to = simd.mul_f32s(x, by);
    }
    for (to, x) in to_rest.iter_mut().zip(x_rest) {
        *to = x * factor;
    }
}

/// `x · y`.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, x: &[f32], y: &[f32]) -> f32 {
    let ((x, x_rest), (y, y_rest)) = (S::as_simd_f32s(x), S::as_simd_f32s(y));
    let sum = x.iter().zip(y).fold(simd.splat_f32s(0.0), |sum, (&x, &y)| simd.mul_add_e_f32s(x, y, sum));
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    simd.reduce_sum_f32s(sum) + rest
}

/// `exp(x)` as [`crate::flex::math::exp`] computes it.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |x: f32| simd.splat_f32s(x);
    let shift = splat(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), shift);
    let power = simd.sub_f32s(shifted, shift);
    let r = simd.mul_add_e_f32s(power, splat(-355.0 / 512.0), x);
    let r = simd.mul_add_e_f32s(power, splat(2.121_944_4e-4), r);
    let mut p = splat(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_e_f32s(p, r, splat(coefficient));
    }
    let p = simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, simd.add_f32s(r, splat(1.0)));
    let bits = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    let two_to_power = simd.transmute_f32s_u32s(simd.add_u32s(bits, simd.splat_u32s(0x3f80_0000)));
    let result = simd.mul_f32s(p, two_to_power);
    simd.select_f32s(simd.less_than_f32s(x, splat(-87.336_54)), splat(0.0), result)
}

/// Turns a row of scores into `exp(x - h)`, h being the largest, and returns the sum of that and its logarithm plus h. The
/// row is whole registers.
#[inline(always)]
pub(super) fn exponentials<S: Simd>(simd: S, row: &mut [f32]) -> (f32, f32) {
    let (row, _) = S::as_mut_simd_f32s(row);
    let highest = row.iter().fold(simd.splat_f32s(f32::NEG_INFINITY), |highest, &x| simd.max_f32s(x, highest));
    let highest = simd.reduce_max_f32s(highest);
    let (mut sum, shift) = (simd.splat_f32s(0.0), simd.splat_f32s(highest));
    for x in row {
        *x = exp(simd, simd.sub_f32s(*x, shift));
        sum = simd.add_f32s(sum, *x);
    }
    let sum = simd.reduce_sum_f32s(sum);
    (sum, sum.ln() + highest)
}

/// Turns a row of scores into `P = exp(x - sum)`, and a row of `dP` into `P (dP - mean)`. Both are whole registers.
#[inline(always)]
pub(super) fn differentiate<S: Simd>(simd: S, row: &mut [f32], d_row: &mut [f32], sum: f32, mean: f32) {
    let (sum, mean) = (simd.splat_f32s(sum), simd.splat_f32s(mean));
    for (x, d) in S::as_mut_simd_f32s(row).0.iter_mut().zip(S::as_mut_simd_f32s(d_row).0) {
        *x = exp(simd, simd.sub_f32s(*x, sum));
        *d = simd.mul_f32s(*x, simd.sub_f32s(*d, mean));
    }
}
