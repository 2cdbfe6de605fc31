use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::buffer::{TASK, fits, narrowed, room, tensor, values, widened, written};
use super::math::{LANES, sum, vectorised};
use crate::l2_normalize::{FLOOR, NormalizeOps, composed, composed_backward};

impl NormalizeOps for Flex {
    fn unit_rows_with_norms(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        if !fits(&x) || x.layout().num_elements() == 0 {
            return composed::<Self>(x);
        }
        let (dtype, shape) = (x.dtype(), x.layout().shape().clone());
        let [x] = widened([x]);
        let (y, norms) = forward(values(&x), shape[1]);
        let rows = norms.len();
        (narrowed(tensor(y, shape), dtype), tensor(norms, [rows, 1].into()))
    }

    fn unit_rows_backward(
        y: FloatTensor<Self>,
        norms: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        if !fits(&y) || y.layout().num_elements() == 0 {
            return composed_backward::<Self>(y, norms, gradient);
        }
        let (dtype, shape) = (y.dtype(), y.layout().shape().clone());
        let [y, norms, gradient] = widened([y, norms, gradient]);
        let d_x = backward(values(&y), values(&norms), values(&gradient), shape[1]);
        narrowed(tensor(d_x, shape), dtype)
    }
}

#[expect(unsafe_code, reason = "see `room`")]
fn forward(x: &[f32], dim: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut y, mut norms) = (room(x.len()), vec![0.0; x.len() / dim]);
    let step = (TASK / dim).max(1);
    let tasks = y.par_chunks_mut(step * dim).zip(x.par_chunks(step * dim)).zip(norms.par_chunks_mut(step));
    tasks.for_each(|((y, x), norms)| {
        vectorised!({
            for ((y, x), norm) in y.chunks_exact_mut(dim).zip(x.chunks_exact(dim)).zip(norms) {
                // The floor is on the sum of squares, as in the composed form.
                let squares = sum(x, |x| x * x);
                // Written so that NaN stays.
                *norm = if squares < (FLOOR * FLOOR) as f32 { FLOOR as f32 } else { squares.sqrt() };
                let inverse = 1.0 / *norm;
                y.iter_mut().zip(x).for_each(|(y, &x)| _ = y.write(x * inverse));
            }
        });
    });
    // SAFETY: tasks and rows cut y as they cut x, and each row writes all of its numbers.
    (unsafe { written(y) }, norms)
}

#[expect(unsafe_code, reason = "see `room`")]
fn backward(y: &[f32], norms: &[f32], gradient: &[f32], dim: usize) -> Vec<f32> {
    let mut d_x = room(y.len());
    let step = (TASK / dim).max(1);
    let inputs = y.par_chunks(step * dim).zip(gradient.par_chunks(step * dim)).zip(norms.par_chunks(step));
    d_x.par_chunks_mut(step * dim).zip(inputs).for_each(|(d_x, ((y, gradient), norms))| {
        vectorised!({
            let rows = y.chunks_exact(dim).zip(gradient.chunks_exact(dim)).zip(norms);
            for (d_x, ((y, gradient), &norm)) in d_x.chunks_exact_mut(dim).zip(rows) {
                // Below the floor the norm is a constant: nothing is taken away there.
                let along = if norm <= FLOOR as f32 { 0.0 } else { product(y, gradient) };
                let inverse = 1.0 / norm;
                for (d_x, (&y, &gradient)) in d_x.iter_mut().zip(y.iter().zip(gradient)) {
                    d_x.write((gradient - y * along) * inverse);
                }
            }
        });
    });
    // SAFETY: tasks and rows cut d_x as they cut y, and each row writes all of its numbers.
    unsafe { written(d_x) }
}

/// `x · y`, in f32 lanes joined in f64.
#[inline(always)]
fn product(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for (x, y) in x.chunks(LANES).zip(y.chunks(LANES)) {
        lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(lane, (x, y))| *lane += x * y);
    }
    lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() as f32
}
