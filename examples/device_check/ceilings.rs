//! What the device can do at best: large matrix products, and a pass over memory.

use std::time::Instant;

use burn::tensor::{Device, Distribution, FloatDType, Tensor};
use serde::Serialize;

/// Measured on the device itself, in the units of the vendors' tables.
#[derive(Debug, Serialize)]
pub(crate) struct Ceilings {
    /// Product of two square matrices of this many rows.
    pub(crate) rows: usize,
    /// TFLOP/s in f32, or what the backend makes of it (TF32).
    pub(crate) matmul_f32: f64,
    /// TFLOP/s in bf16.
    pub(crate) matmul_bf16: f64,
    /// GB/s, read and written, of adding a number.
    pub(crate) copy: f64,
}

pub(crate) fn measure(device: &Device, quick: bool) -> Ceilings {
    let (rows, numbers) = if quick { (256, 1 << 20) } else { (8192, 1 << 28) };
    let matmul = |dtype| {
        let random = || Tensor::<2>::random([rows, rows], Distribution::Uniform(-1.0, 1.0), device).cast(dtype);
        let (a, b) = (random(), random());
        2.0 * (rows as f64).powi(3) / median(device, || a.clone().matmul(b.clone())) / 1e12
    };
    let [matmul_f32, matmul_bf16] = [FloatDType::F32, FloatDType::BF16].map(matmul);
    let x = Tensor::<1>::ones([numbers], device);
    let copy = 8.0 * numbers as f64 / median(device, || x.clone() + 1.0) / 1e9;
    Ceilings { rows, matmul_f32, matmul_bf16, copy }
}

/// Seconds of one run: the median of five rounds of several, each round to its end on the device with its results held, after one that
/// does not count.
pub(crate) fn median<T>(device: &Device, mut run: impl FnMut() -> T) -> f64 {
    let mut round = |runs: usize| {
        let begun = Instant::now();
        let results: Vec<T> = (0..runs).map(|_| run()).collect();
        device.sync().expect("the device computes");
        drop(results);
        begun.elapsed().as_secs_f64() / runs as f64
    };
    round(1);
    let runs = if round(1) < 2e-3 { 8 } else { 1 };
    let mut seconds: Vec<f64> = (0..5).map(|_| round(runs)).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[2]
}
