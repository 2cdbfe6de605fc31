use rayon::prelude::*;

use super::math::{LANES, exp, largest, position, sum, vectorised};
use super::matrix::{Matrix, Operand, product};
use super::rows_of_chunk;

/// Columns that one thread treats at once.
const STRIPE: usize = 8 * LANES;

/// The packed result of `SimilarityOps::log_sum_exp`.
pub(super) fn forward(a: &Matrix, b: &Matrix, scale: f32, both: bool, without: &[usize]) -> Vec<f32> {
    let (rows, columns) = (a.rows, b.rows);
    let step = rows_of_chunk(columns);
    let mut packed = vec![0.0; 2 * rows];
    let (sums, best) = packed.split_at_mut(rows);
    // Not minus infinity: a column without any entry must not become infinity minus infinity.
    let mut merged = both.then(|| vec![(f32::MIN, 0f32); columns]);
    let mut tile = vec![0.0; step.min(rows) * columns];
    for from in (0..rows).step_by(step) {
        let to = rows.min(from + step);
        let tile = similarities(&mut tile, a, b, from..to, scale);
        fill(tile, columns, without, from, f32::NEG_INFINITY);
        let results = sums[from..to].par_iter_mut().zip(&mut best[from..to]);
        tile.par_chunks(columns).zip(results).for_each(|(row, (result, best))| {
            (*result, *best) = vectorised!(of_row(row));
        });
        if let Some(merged) = &mut merged {
            let tile: &[f32] = tile;
            merged.par_chunks_mut(STRIPE).enumerate().for_each(|(number, merged)| {
                vectorised!(merge_columns(merged, tile, columns, number * STRIPE));
            });
        }
    }
    packed.extend(merged.into_iter().flatten().map(|(highest, sum)| sum.ln() + highest));
    packed
}

/// `scale a[range] bᵀ`, in the first part of `tile`.
pub(super) fn similarities<'t>(
    tile: &'t mut [f32],
    a: &Matrix,
    b: &Matrix,
    range: std::ops::Range<usize>,
    scale: f32,
) -> &'t mut [f32] {
    let tile = &mut tile[..range.len() * b.rows];
    let queries = Operand::new(a.rows(range), a.columns);
    product(tile, queries, Operand::new(b.values(), b.columns).transposed(), scale, false);
    tile
}

/// Replaces column `o + i` of every row i, the first row being `from`.
fn fill(tile: &mut [f32], columns: usize, without: &[usize], from: usize, value: f32) {
    for (row, tile) in tile.chunks_exact_mut(columns).enumerate() {
        for offset in without {
            tile[offset + from + row] = value;
        }
    }
}

/// Log-sum-exp of a row and the position of its largest entry.
#[inline(always)]
fn of_row(row: &[f32]) -> (f32, f32) {
    // A row without any entry must not become infinity minus infinity.
    let highest = largest(row).max(f32::MIN);
    let spread = sum(
        row,
        #[inline(always)]
        |x| exp(x - highest),
    );
    let result = spread.ln() + highest;
    // Nothing equals the largest where all are minus infinity or NaN.
    (result, position(row, highest).map_or(0.0, |at| at as f32))
}

/// Joins the columns `from..` of a chunk to what is known of them: the largest entry and the sum relative to it.
#[inline(always)]
fn merge_columns(merged: &mut [(f32, f32)], tile: &[f32], columns: usize, from: usize) {
    let width = merged.len();
    let mut highest = [f32::MIN; STRIPE];
    let mut sums = [0f32; STRIPE];
    for (highest, (before, _)) in highest.iter_mut().zip(&*merged) {
        *highest = *before;
    }
    for row in tile.chunks_exact(columns) {
        for (highest, &x) in highest[..width].iter_mut().zip(&row[from..from + width]) {
            *highest = if x > *highest { x } else { *highest };
        }
    }
    for row in tile.chunks_exact(columns) {
        let entries = row[from..from + width].iter().zip(&highest[..width]);
        for (sum, (&x, &highest)) in sums[..width].iter_mut().zip(entries) {
            *sum += exp(x - highest);
        }
    }
    for ((merged, sum), highest) in merged.iter_mut().zip(sums).zip(highest) {
        let (before, old) = *merged;
        // At first the sum is 0 and its reference the least number.
        let moved = if before == highest { old } else { old * exp(before - highest) };
        *merged = (highest, moved + sum);
    }
}

/// Which gradients `SimilarityOps::log_sum_exp_backward` is asked for.
#[derive(Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) both: bool,
    pub(super) without: &'a [usize],
    pub(super) keys_learn: bool,
}

/// The gradients of a, of b if it learns, and of the scale.
pub(super) fn backward(
    a: &Matrix,
    b: &Matrix,
    scale: f32,
    [packed, gradient]: [&[f32]; 2],
    which: Which<'_>,
) -> (Vec<f32>, Option<Vec<f32>>, f32) {
    let (rows, columns, width) = (a.rows, b.rows, a.columns);
    let step = rows_of_chunk(columns);
    let mut d_a = vec![0.0; rows * width];
    let mut d_b = which.keys_learn.then(|| vec![0.0; columns * width]);
    let mut d_scale = 0f64;
    let mut tile = vec![0.0; step.min(rows) * columns];
    let of_columns = which.both.then(|| (&packed[2 * rows..], &gradient[2 * rows..]));
    for from in (0..rows).step_by(step) {
        let to = rows.min(from + step);
        let tile = similarities(&mut tile, a, b, from..to, scale);
        let of_rows = packed[from..to].par_iter().zip(&gradient[from..to]);
        tile.par_chunks_mut(columns).zip(of_rows).for_each(|(row, of_row)| {
            vectorised!(differentiate_row(row, of_row, of_columns));
        });
        fill(tile, columns, which.without, from, 0.0);
        let (queries, part) = (a.rows(from..to), &mut d_a[from * width..to * width]);
        d_scale += accumulate(tile, queries, b, part, d_b.as_deref_mut(), scale);
    }
    (d_a, d_b, d_scale as f32)
}

/// From `dX` of some rows: the rows' own gradient, what they add to the keys' if those learn, and their part of the scale's.
pub(super) fn accumulate(
    d_x: &[f32],
    queries: &[f32],
    b: &Matrix,
    d_a: &mut [f32],
    d_b: Option<&mut [f32]>,
    scale: f32,
) -> f64 {
    let d_x = Operand::new(d_x, b.rows);
    product(d_a, d_x, Operand::new(b.values(), b.columns), 1.0, false);
    if let Some(d_b) = d_b {
        product(d_b, d_x.transposed(), Operand::new(queries, b.columns), scale, true);
    }
    // Σ dX ∘ (a bᵀ) = Σ (dX b) ∘ a.
    let rows = d_a.par_chunks_mut(b.columns).zip(queries.par_chunks(b.columns));
    let shares: Vec<f64> = rows
        .map(|(d_a, query)| {
            let share = d_a.iter().zip(query).map(|(d_a, x)| f64::from(d_a * x)).sum();
            d_a.iter_mut().for_each(|d_a| *d_a *= scale);
            share
        })
        .collect();
    shares.iter().sum()
}

/// Turns a row of similarities into the row of their gradients.
#[inline(always)]
fn differentiate_row(row: &mut [f32], (&sum, &gradient): (&f32, &f32), of_columns: Option<(&[f32], &[f32])>) {
    match of_columns {
        None => row.iter_mut().for_each(|x| *x = gradient * exp(*x - sum)),
        Some((sums, gradients)) => {
            for (x, (&of_column, &gradient_of_column)) in row.iter_mut().zip(sums.iter().zip(gradients)) {
                *x = gradient * exp(*x - sum) + gradient_of_column * exp(*x - of_column);
            }
        }
    }
}
