use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::layers::normal;

/// What a vision transformer adds to its tokens to tell where they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// A learned vector for every token.
    #[default]
    Learned,
    /// Fixed sines and cosines, the column in the first half of the vector (MAE, open_clip's `sin_cos_2d`).
    SinCos,
    /// Fixed sines and cosines, the row in the first half of the vector (MoCo v3).
    MocoSinCos,
}

impl Positions {
    /// Vectors of `prefix` tokens and a square grid of `side * side` patches, `[1, prefix + side², width]`; fixed ones are
    /// zero for the prefix and ask for no gradient.
    pub(crate) fn init(self, prefix: usize, side: usize, width: usize, std: f64, device: &Device) -> Param<Tensor<3>> {
        let shape = [1, prefix + side * side, width];
        if self == Positions::Learned {
            return normal(std).init(shape, device);
        }
        let mut values = vec![0.0; prefix * width];
        values.extend(sin_cos_2d(side, width, self == Positions::MocoSinCos));
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device)).set_require_grad(false)
    }
}

/// `[side², width]` row by row. Each half of a vector holds `sin(p ω_i)` and then `cos(p ω_i)`, `ω_i = 10000^(-4 i / width)`,
/// for one coordinate p.
fn sin_cos_2d(side: usize, width: usize, row_first: bool) -> Vec<f32> {
    let quarter = width / 4;
    let half = |position: usize| {
        let angle = move |i: usize| position as f64 * 10_000f64.powf(-(i as f64) / quarter as f64);
        let sines = (0..quarter).map(move |i| angle(i).sin() as f32);
        sines.chain((0..quarter).map(move |i| angle(i).cos() as f32))
    };
    let patches = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
    let ordered = patches.map(|(row, column)| if row_first { (row, column) } else { (column, row) });
    ordered.flat_map(|(first, second)| half(first).chain(half(second))).collect()
}

/// Resizes the positions of a grid of patches as open_clip and timm do when they load weights of another picture size:
/// bicubic (a = -1/2), antialiased, corners not aligned. The values are `[rows * columns, width]`, row by row; leave class
/// and register tokens out.
///
/// # Panics
/// When the number of values is not `rows * columns * width`, or the new grid is empty.
pub fn resize_grid_positions(values: &[f32], width: usize, from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    assert!(to[0] > 0 && to[1] > 0, "positions cannot be resized to a grid of {} x {}", to[0], to[1]);
    assert!(
        width > 0 && values.len() == from[0] * from[1] * width,
        "a grid of {} x {} vectors of length {width} has another number of values than {}",
        from[0],
        from[1],
        values.len(),
    );
    let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    let rows: Vec<f64> = values
        .chunks(from[1] * width)
        .flat_map(|row| combine(row, width, &antialiased_bicubic(from[1], to[1])))
        .collect();
    let resized = combine(&rows, to[1] * width, &antialiased_bicubic(from[0], to[0]));
    resized.into_iter().map(|value| value as f32).collect()
}

/// The same as a matrix `[to[0] * to[1], from * from]` on the vectors of a square grid, row by row.
pub(crate) fn grid_weights(from: usize, to: [usize; 2]) -> Vec<f32> {
    let [rows, columns] = to.map(|to| antialiased_bicubic(from, to));
    let mut weights = vec![0.0; rows.len() * columns.len() * from * from];
    let targets = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
    for (target, ((row, of_rows), (column, of_columns))) in weights.chunks_mut(from * from).zip(targets) {
        for (line, down) in target.chunks_mut(from).skip(*row).zip(of_rows) {
            line.iter_mut().skip(*column).zip(of_columns).for_each(|(weight, along)| *weight = (down * along) as f32);
        }
    }
    weights
}

/// Resizes the positions of a sequence of tokens as open_clip does for texts: linear, corners not aligned, not antialiased.
/// The values are `[from, width]`.
///
/// # Panics
/// When the number of values is not `from * width`, or the new length is zero.
pub fn resize_sequence_positions(values: &[f32], width: usize, from: usize, to: usize) -> Vec<f32> {
    assert!(to > 0, "positions cannot be resized to a sequence without tokens");
    assert!(
        width > 0 && from > 0 && values.len() == from * width,
        "a sequence of {from} vectors of length {width} has another number of values than {}",
        values.len(),
    );
    let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    combine(&values, width, &linear(from, to)).into_iter().map(|value| value as f32).collect()
}

/// For each output: the first input it reads and the weights from there on.
type Weights = Vec<(usize, Vec<f64>)>;

fn combine(items: &[f64], width: usize, weights: &Weights) -> Vec<f64> {
    let mut out = vec![0.0; weights.len() * width];
    for (target, (first, weights)) in out.chunks_mut(width).zip(weights) {
        for (item, weight) in items.chunks(width).skip(*first).zip(weights) {
            target.iter_mut().zip(item).for_each(|(target, value)| *target += weight * value);
        }
    }
    out
}

fn antialiased_bicubic(from: usize, to: usize) -> Weights {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    let one = |index: usize| {
        let center = scale * (index as f64 + 0.5);
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        let weights: Vec<f64> = (first..end).map(|input| bicubic((input as f64 - center + 0.5) / stretch)).collect();
        let total: f64 = weights.iter().sum();
        (first, weights.into_iter().map(|weight| weight / total).collect())
    };
    (0..to).map(one).collect()
}

/// Keys' cubic convolution kernel with a = -1/2.
fn bicubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

fn linear(from: usize, to: usize) -> Weights {
    let scale = from as f64 / to as f64;
    let one = |index: usize| {
        let at = (scale * (index as f64 + 0.5) - 0.5).max(0.0);
        let first = (at as usize).min(from - 1);
        let beyond = at - first as f64;
        if first + 1 < from { (first, vec![1.0 - beyond, beyond]) } else { (first, vec![1.0]) }
    };
    (0..to).map(one).collect()
}
