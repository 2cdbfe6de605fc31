//! Times of single operations, and of the contrastive losses in batches up to a quarter of a million.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use burn::tensor::Device;
use serde::Serialize;

use crate::cases;
use crate::ceilings::median;
use crate::common::{Case, Precision, Run, label};

/// Batches of the benchmarks, which are made for CPUs, times this.
const LARGER: usize = 16;
const BATCHES: [usize; 4] = [4 << 10, 32 << 10, 64 << 10, 256 << 10];

/// One operation or loss at one size.
#[derive(Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) name: &'static str,
    pub(crate) precision: &'static str,
    pub(crate) sizes: String,
    /// Milliseconds without gradients, and with the backward pass; none where it failed or there was no time left.
    pub(crate) forward: Option<f64>,
    pub(crate) both: Option<f64>,
    /// TFLOP/s of the latter, with what is computed twice counted once; only of products.
    pub(crate) tflops: Option<f64>,
}

pub(crate) fn measure(device: &Device, quick: bool, until: Instant) -> Vec<Measurement> {
    let mut measured = Vec::new();
    for case in cases::operations() {
        let sizes =
            if quick { vec![case.check.to_vec()] } else { case.sizes.iter().map(|sizes| larger(sizes)).collect() };
        for sizes in sizes {
            for (precision, name) in [(Precision::F32, "f32"), (Precision::Bf16, "bf16")] {
                measured.push(one(case, &sizes, precision, name, device, until));
            }
        }
    }
    for case in cases::losses().filter(|case| ["info_nce", "sigmoid"].contains(&case.name)) {
        for batch in if quick { vec![64] } else { BATCHES.to_vec() } {
            let sizes = [("batch", batch), ("dim", 512)];
            let mut new = one(case, &sizes, Precision::F32, "f32", device, until);
            // A product forward, two backward.
            new.tflops = new.both.map(|ms| 6.0 * (batch as f64).powi(2) * 512.0 / ms / 1e9);
            measured.push(new);
        }
    }
    measured
}

fn larger(sizes: &[(&'static str, usize)]) -> Vec<(&'static str, usize)> {
    sizes.iter().map(|&(name, size)| (name, if name == "batch" { LARGER * size } else { size })).collect()
}

fn one(
    case: &Case,
    sizes: &[(&'static str, usize)],
    precision: Precision,
    name: &'static str,
    device: &Device,
    until: Instant,
) -> Measurement {
    let time = |backward| {
        if Instant::now() > until {
            return None;
        }
        let timed = catch_unwind(AssertUnwindSafe(|| {
            let run = Run::new(case, sizes, device, precision, backward);
            1e3 * median(device, || run.queue())
        }));
        timed.ok()
    };
    let (forward, both) = (time(false), time(true));
    Measurement { name: case.name, precision: name, sizes: label(sizes), forward, both, tflops: None }
}
