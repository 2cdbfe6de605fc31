//! Inputs by formula: the pictures and texts that the golden files of encoders were computed with.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// `x[n, c, y, x] = sin(0.1 (n + 1)(x + 1) + 0.07 (c + 1)(y + 1))`, `[count, 3, side, side]`.
pub fn images(count: usize, side: usize, device: &Device) -> Tensor<4> {
    let value = |n: usize, c: usize, y: usize, x: usize| {
        (0.1 * ((n + 1) * (x + 1)) as f64 + 0.07 * ((c + 1) * (y + 1)) as f64).sin() as f32
    };
    let rows = (0..count).flat_map(|n| (0..3).flat_map(move |c| (0..side).map(move |y| (n, c, y))));
    let values: Vec<f32> = rows.flat_map(|(n, c, y)| (0..side).map(move |x| value(n, c, y, x))).collect();
    Tensor::from_data(TensorData::new(values, [count, 3, side, side]), device)
}

/// `1 + (7 n + 13 l + l²) mod (vocab - 2)` up to the end of text `vocab - 1` at `l = length - 1 - n`, zeros behind it,
/// `[count, length]`.
pub fn texts(count: usize, length: usize, vocab: usize, device: &Device) -> Tensor<2, Int> {
    let token = |n: usize, l: usize| match l.cmp(&(length - 1 - n)) {
        std::cmp::Ordering::Less => 1 + (7 * n + 13 * l + l * l) % (vocab - 2),
        std::cmp::Ordering::Equal => vocab - 1,
        std::cmp::Ordering::Greater => 0,
    };
    let values: Vec<i64> = (0..count).flat_map(|n| (0..length).map(move |l| token(n, l) as i64)).collect();
    Tensor::from_data(TensorData::new(values, [count, length]), device)
}

/// `Σ features[n, d] cos(0.3 (n + 1)(d + 1))`, the objective whose gradients the golden files of single encoders hold.
pub fn objective(features: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = features.dims();
    let weight = |n: usize, d: usize| (0.3 * ((n + 1) * (d + 1)) as f64).cos() as f32;
    let values: Vec<f32> = (0..rows).flat_map(|n| (0..columns).map(move |d| weight(n, d))).collect();
    let weights = Tensor::from_data(TensorData::new(values, [rows, columns]), &features.device());
    (features * weights).sum()
}
