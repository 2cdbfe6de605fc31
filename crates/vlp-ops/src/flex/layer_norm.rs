use std::mem::MaybeUninit;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use rayon::prelude::*;

use super::buffer::{TASK, fits, narrowed, room, tensor, values, widened, written};
use super::math::{LANES, sum, vectorised};
use crate::layer_norm::{LayerNormOps, composed, composed_backward};

/// Rows whose gradients of gamma and beta one task adds up: a number that depends on nothing but the shape, so that the result is the
/// same with any number of threads.
const ROWS: usize = 64;

impl LayerNormOps for Flex {
    fn layer_norm_with_statistics(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !(fits(&x) && fits(&gamma) && fits(&beta)) {
            return composed::<Self>(x, gamma, beta, epsilon);
        }
        let (dtype, shape) = (x.dtype(), x.layout().shape().clone());
        let [x, gamma, beta] = widened([x, gamma, beta]);
        let [y, mean, inverse] = forward(values(&x), values(&gamma), values(&beta), epsilon);
        let rows = [mean.len(), 1];
        (narrowed(tensor(y, shape), dtype), tensor(mean, rows.into()), tensor(inverse, rows.into()))
    }

    fn layer_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !(fits(&x) && fits(&gamma)) {
            return composed_backward::<Self>([x, gamma, mean, inverse, gradient]);
        }
        let (dtype, shape, of_gamma) = (x.dtype(), x.layout().shape().clone(), gamma.dtype());
        let [x, gamma, mean, inverse, gradient] = widened([x, gamma, mean, inverse, gradient]);
        let gamma = values(&gamma);
        let [d_x, d_gamma, d_beta] = backward(values(&x), gamma, [values(&mean), values(&inverse)], values(&gradient));
        let of_column = |x| narrowed(tensor(x, [gamma.len()].into()), of_gamma);
        (narrowed(tensor(d_x, shape), dtype), of_column(d_gamma), of_column(d_beta))
    }
}

#[expect(unsafe_code, reason = "see `room`")]
fn forward(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f64) -> [Vec<f32>; 3] {
    let width = gamma.len();
    let rows = x.len() / width;
    let (mut y, mut mean, mut inverse) = (room(x.len()), vec![0.0; rows], vec![0.0; rows]);
    let step = (TASK / width).max(1);
    let statistics = mean.par_chunks_mut(step).zip(inverse.par_chunks_mut(step));
    let tasks = y.par_chunks_mut(step * width).zip(x.par_chunks(step * width)).zip(statistics);
    tasks.for_each(|((y, x), (mean, inverse))| {
        vectorised!({
            let rows = y.chunks_exact_mut(width).zip(x.chunks_exact(width));
            for ((y, x), (mean, inverse)) in rows.zip(mean.iter_mut().zip(inverse)) {
                (*mean, *inverse) = statistics_of(x, epsilon);
                let (mean, inverse) = (*mean, *inverse);
                for ((y, &x), (&gamma, &beta)) in y.iter_mut().zip(x).zip(gamma.iter().zip(beta)) {
                    y.write((x - mean) * inverse * gamma + beta);
                }
            }
        });
    });
    // SAFETY: tasks and rows cut y as they cut x, and each row writes all of its numbers.
    [unsafe { written(y) }, mean, inverse]
}

/// Mean and reciprocal standard deviation; the variance is taken about the mean, which loses nothing where the mean is large.
#[inline(always)]
fn statistics_of(x: &[f32], epsilon: f64) -> (f32, f32) {
    let count = x.len() as f32;
    let mean = sum(x, |x| x) / count;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / count;
    (mean, (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32)
}

#[expect(unsafe_code, reason = "see `room`")]
fn backward(x: &[f32], gamma: &[f32], [mean, inverse]: [&[f32]; 2], gradient: &[f32]) -> [Vec<f32>; 3] {
    let width = gamma.len();
    let (mut d_x, step) = (room(x.len()), ROWS * width);
    let statistics = mean.par_chunks(ROWS).zip(inverse.par_chunks(ROWS));
    let inputs = x.par_chunks(step).zip(gradient.par_chunks(step)).zip(statistics);
    let tasks = d_x.par_chunks_mut(step).zip(inputs);
    let shares: Vec<Vec<f32>> = tasks
        .map(|(d_x, ((x, gradient), (mean, inverse)))| {
            let mut share = vec![0.0; 2 * width];
            let (d_gamma, d_beta) = share.split_at_mut(width);
            vectorised!({
                let rows = x.chunks_exact(width).zip(gradient.chunks_exact(width)).zip(d_x.chunks_exact_mut(width));
                for (((x, gradient), d_x), (&mean, &inverse)) in rows.zip(mean.iter().zip(inverse)) {
                    differentiate_row([x, gradient, gamma], [mean, inverse], d_x, [&mut *d_gamma, &mut *d_beta]);
                }
            });
            share
        })
        .collect();
    let mut total = vec![0f64; 2 * width];
    for share in shares {
        total.iter_mut().zip(share).for_each(|(total, share)| *total += f64::from(share));
    }
    let d_beta = total.split_off(width);
    let single = |x: Vec<f64>| x.into_iter().map(|x| x as f32).collect();
    // SAFETY: tasks and rows cut d_x as they cut x, and each row writes all of its numbers.
    [unsafe { written(d_x) }, single(total), single(d_beta)]
}

#[inline(always)]
fn differentiate_row(
    [x, gradient, gamma]: [&[f32]; 3],
    [mean, inverse]: [f32; 2],
    d_x: &mut [MaybeUninit<f32>],
    [d_gamma, d_beta]: [&mut [f32]; 2],
) {
    let (mut of_mean, mut of_deviation) = ([0f32; LANES], [0f32; LANES]);
    let inputs = x.chunks(LANES).zip(gradient.chunks(LANES)).zip(gamma.chunks(LANES));
    let columns = d_gamma.chunks_mut(LANES).zip(d_beta.chunks_mut(LANES));
    for (((x, gradient), gamma), (d_gamma, d_beta)) in inputs.zip(columns) {
        let inputs = x.iter().zip(gradient).zip(gamma).zip(d_gamma.iter_mut().zip(d_beta));
        for ((((&x, &gradient), &gamma), (d_gamma, d_beta)), (of_mean, of_deviation)) in
            inputs.zip(of_mean.iter_mut().zip(&mut of_deviation))
        {
            let normal = (x - mean) * inverse;
            *d_gamma += gradient * normal;
            *d_beta += gradient;
            *of_mean += gradient * gamma;
            *of_deviation += gradient * gamma * normal;
        }
    }
    let join = |lanes: [f32; LANES]| (lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() / x.len() as f64) as f32;
    let (of_mean, of_deviation) = (join(of_mean), join(of_deviation));
    for ((d_x, &x), (&gradient, &gamma)) in d_x.iter_mut().zip(x).zip(gradient.iter().zip(gamma)) {
        let normal = (x - mean) * inverse;
        d_x.write(inverse * (gradient * gamma - of_mean - normal * of_deviation));
    }
}
