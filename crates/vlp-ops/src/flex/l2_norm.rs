use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::buffer::{TASK, fits, tensor, values, widened};
use super::math::vectorised;
use crate::l2_norm::{NormOps, composed};

/// Sums that a loop keeps side by side.
const LANES: usize = 32;

impl NormOps for Flex {
    fn l2_norm(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if !fits(&x) {
            return composed::<Self>(x);
        }
        let [x] = widened([x]);
        // The parts are joined in their order, whichever thread was first.
        let parts: Vec<f64> = values(&x).par_chunks(TASK).map(|part| vectorised!(sum_of_squares(part))).collect();
        tensor(vec![parts.iter().sum::<f64>().sqrt() as f32], [1].into())
    }
}

/// In f64, where the square of every f32 is a normal number.
#[inline(always)]
fn sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0f64; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    let rest: f64 = rest.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    rest + lanes.iter().sum::<f64>()
}
