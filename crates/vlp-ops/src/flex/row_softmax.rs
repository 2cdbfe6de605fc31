use rayon::prelude::*;

use super::math::{LANES, exp, largest, position, vectorised};
use super::matrix::Matrix;

/// Rows that one task treats: a task should outweigh its start.
const TASK: usize = 1 << 14;

/// Shares, logits less the highest of their row, and for each row the highest and the logarithm of the sum.
pub(super) fn forward(x: &Matrix) -> [Vec<f32>; 3] {
    let (rows, columns) = (x.rows, x.columns);
    let (mut shares, mut below) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
    let mut parts = vec![0.0; 2 * rows];
    let step = (TASK / columns).max(1);
    let (block, inputs) = (step * columns, x.values().par_chunks(step * columns));
    let outputs = shares.par_chunks_mut(block).zip(below.par_chunks_mut(block)).zip(parts.par_chunks_mut(2 * step));
    inputs.zip(outputs).for_each(|(x, ((shares, below), parts))| {
        vectorised!({
            let rows = shares.chunks_exact_mut(columns).zip(below.chunks_exact_mut(columns));
            for ((x, parts), (shares, below)) in x.chunks_exact(columns).zip(parts.chunks_exact_mut(2)).zip(rows) {
                (parts[0], parts[1]) = of_row(x, shares, below);
            }
        });
    });
    [shares, below, parts]
}

#[inline(always)]
fn of_row(x: &[f32], shares: &mut [f32], below: &mut [f32]) -> (f32, f32) {
    let highest = largest(x);
    let mut lanes = [0f32; LANES];
    let blocks = x.chunks(LANES).zip(shares.chunks_mut(LANES)).zip(below.chunks_mut(LANES));
    for ((x, shares), below) in blocks {
        for (lane, ((&x, share), below)) in lanes.iter_mut().zip(x.iter().zip(shares).zip(below)) {
            *below = x - highest;
            *share = exp(*below);
            *lane += *share;
        }
    }
    let sum = lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
    let log_sum = log_of_sum(x, shares, highest, sum);
    let inverse = (1.0 / sum) as f32;
    shares.iter_mut().for_each(|share| *share *= inverse);
    (highest, log_sum)
}

/// The logarithm of a sum of exponentials whose largest is 1. Where little comes to that it is taken from the others alone, whose
/// digits are lost in f32 beside 1.
#[inline(always)]
fn log_of_sum(x: &[f32], exponentials: &[f32], highest: f32, sum: f64) -> f32 {
    if sum > 1.5 {
        return sum.ln() as f32;
    }
    match position(x, highest) {
        Some(at) => {
            let (before, behind) = (&exponentials[..at], &exponentials[at + 1..]);
            let whole = |part: &[f32]| super::math::sum(part, |x| x);
            (whole(before) + whole(behind)).ln_1p()
        }
        // What is no number.
        None => sum.ln() as f32,
    }
}
