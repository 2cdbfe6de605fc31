use rayon::prelude::*;

use super::log_sum_exp::{accumulate, similarities};
use super::math::{LANES, softplus_and_sigmoid, sum, vectorised};
use super::matrix::Matrix;
use super::rows_of_chunk;

/// The sum of softplus, and its gradients.
pub(super) struct Gradients {
    pub(super) sum: f32,
    pub(super) a: Vec<f32>,
    pub(super) b: Vec<f32>,
    pub(super) scale: f32,
    pub(super) bias: f32,
}

/// The sum alone.
pub(super) fn forward(a: &Matrix, b: &Matrix, scale: f32, bias: f32, positive: Option<usize>) -> f32 {
    let (rows, columns) = (a.rows, b.rows);
    let step = rows_of_chunk(columns);
    let mut tile = vec![0.0; step.min(rows) * columns];
    let mut total = 0f64;
    for from in (0..rows).step_by(step) {
        let tile = similarities(&mut tile, a, b, from..rows.min(from + step), scale);
        let of_row = |(row, tile): (usize, &mut [f32])| {
            let of_positive = take_positive(tile, positive, from + row, bias).map_or(0.0, |(value, _)| value);
            of_positive
                + f64::from(vectorised!(sum(
                    tile,
                    #[inline(always)]
                    |x| softplus_and_sigmoid(x + bias).0
                )))
        };
        let sums: Vec<f64> = tile.par_chunks_mut(columns).enumerate().map(of_row).collect();
        total += sums.iter().sum::<f64>();
    }
    total as f32
}

/// The sum and its gradients, from one pass.
pub(super) fn with_gradients(a: &Matrix, b: &Matrix, scale: f32, bias: f32, positive: Option<usize>) -> Gradients {
    let (rows, columns, width) = (a.rows, b.rows, a.columns);
    let step = rows_of_chunk(columns);
    let (mut d_a, mut d_b) = (vec![0.0; rows * width], vec![0.0; columns * width]);
    let (mut total, mut d_scale, mut d_bias) = (0f64, 0f64, 0f64);
    let mut tile = vec![0.0; step.min(rows) * columns];
    for from in (0..rows).step_by(step) {
        let to = rows.min(from + step);
        let tile = similarities(&mut tile, a, b, from..to, scale);
        let of_row = |(row, tile): (usize, &mut [f32])| {
            let of_positive = take_positive(tile, positive, from + row, bias);
            let (mut sum, mut derivative) = vectorised!(differentiate_row(tile, bias));
            if let (Some((value, pull)), Some(positive)) = (of_positive, positive) {
                tile[positive + from + row] = pull;
                sum += value;
                derivative += f64::from(pull);
            }
            (sum, derivative)
        };
        let sums: Vec<(f64, f64)> = tile.par_chunks_mut(columns).enumerate().map(of_row).collect();
        for (sum, derivative) in sums {
            total += sum;
            d_bias += derivative;
        }
        d_scale += accumulate(tile, a.rows(from..to), b, &mut d_a[from * width..to * width], Some(&mut d_b), scale);
    }
    Gradients { sum: total as f32, a: d_a, b: d_b, scale: d_scale as f32, bias: d_bias as f32 }
}

/// Takes the positive out of a row, leaving an entry that counts nothing; returns `softplus(-x)` and its derivative
/// `-σ(-x)`. Adding the row and subtracting x would lose digits where x is large.
fn take_positive(tile: &mut [f32], positive: Option<usize>, row: usize, bias: f32) -> Option<(f64, f32)> {
    let x = &mut tile[positive? + row];
    let (softplus, sigmoid) = softplus_and_sigmoid(-(*x + bias));
    *x = f32::NEG_INFINITY;
    Some((f64::from(softplus), -sigmoid))
}

/// Turns a row of similarities into sigmoids; returns the sums of softplus and of sigmoid.
#[inline(always)]
fn differentiate_row(row: &mut [f32], bias: f32) -> (f64, f64) {
    let (mut softplus, mut sigmoid) = ([0f32; LANES], [0f32; LANES]);
    for block in row.chunks_mut(LANES) {
        for ((x, softplus), sigmoid) in block.iter_mut().zip(&mut softplus).zip(&mut sigmoid) {
            let (value, derivative) = softplus_and_sigmoid(*x + bias);
            *softplus += value;
            *sigmoid += derivative;
            *x = derivative;
        }
    }
    let join = |lanes: [f32; LANES]| lanes.iter().map(|&lane| f64::from(lane)).sum();
    (join(softplus), join(sigmoid))
}
