use burn::backend::Flex;
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::{TASK, fits, narrowed, room, tensor, values, widened, written};
use super::is_f32;
use super::math::vectorised;
use super::matrix::{Operand, new_product, product};
use crate::linear::LinearOps;

/// Rows whose columns one task sums: fixed, so that the result does not depend on the number of threads.
const ROWS: usize = 128;

impl LinearOps for Flex {
    fn linear_rows(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        if !is_f32(&[&x, &weight, &bias]) {
            return Self::linear(x, weight, Some(bias));
        }
        let outputs = weight.layout().shape()[1];
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let inputs = x.layout().shape()[1];
        let mut y = with_bias(x.layout().shape()[0], values(&bias));
        let weight = Operand::new(values(&weight), outputs);
        product(&mut y, Operand::new(values(&x), inputs), weight, 1.0, true);
        matrix(y, outputs)
    }

    fn linear_rows_d_x(weight: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        if !is_f32(&[&weight, &gradient]) {
            return Self::linear_x_backward(weight, gradient);
        }
        let [inputs, outputs] = [0, 1].map(|axis| weight.layout().shape()[axis]);
        let (weight, gradient) = (weight.to_contiguous(), gradient.to_contiguous());
        let weight = Operand::new(values(&weight), outputs).transposed();
        matrix(new_product(Operand::new(values(&gradient), outputs), weight), inputs)
    }

    fn linear_rows_d_weight(x: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        if !is_f32(&[&x, &gradient]) {
            return Self::linear_weight_backward(x, gradient);
        }
        let [inputs, outputs] = [&x, &gradient].map(|matrix| matrix.layout().shape()[1]);
        let (x, gradient) = (x.to_contiguous(), gradient.to_contiguous());
        let x = Operand::new(values(&x), inputs).transposed();
        matrix(new_product(x, Operand::new(values(&gradient), outputs)), outputs)
    }

    fn linear_rows_d_bias(gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let (dtype, outputs) = (gradient.dtype(), gradient.layout().shape()[1]);
        if !fits(&gradient) {
            return Self::linear_bias_backward(gradient);
        }
        let [gradient] = widened([gradient]);
        narrowed(tensor(sums_of_columns(values(&gradient), outputs), [outputs].into()), dtype)
    }
}

fn matrix(values: Vec<f32>, columns: usize) -> FlexTensor {
    let rows = values.len() / columns;
    tensor(values, [rows, columns].into())
}

/// So many rows of the bias.
#[expect(unsafe_code, reason = "see `room`")]
fn with_bias(rows: usize, bias: &[f32]) -> Vec<f32> {
    let mut y = room(rows * bias.len());
    let step = (TASK / bias.len()).max(1) * bias.len();
    y.par_chunks_mut(step).for_each(|y| {
        for row in y.chunks_exact_mut(bias.len()) {
            row.write_copy_of_slice(bias);
        }
    });
    // SAFETY: whole rows were handed out, and each was written.
    unsafe { written(y) }
}

pub(super) fn sums_of_columns(x: &[f32], columns: usize) -> Vec<f32> {
    let of_task = |x: &[f32]| {
        let mut sums = vec![0f32; columns];
        vectorised!({
            for row in x.chunks_exact(columns) {
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        });
        sums
    };
    let shares: Vec<Vec<f32>> = x.par_chunks(ROWS * columns).map(of_task).collect();
    let mut total = vec![0f64; columns];
    for share in shares {
        total.iter_mut().zip(share).for_each(|(total, share)| *total += f64::from(share));
    }
    total.into_iter().map(|sum| sum as f32).collect()
}
