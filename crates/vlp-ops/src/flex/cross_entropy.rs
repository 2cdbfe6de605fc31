use burn::backend::Flex;
use burn::backend::tensor::{FloatTensor, IntTensor};
use rayon::prelude::*;

use super::buffer::{TASK, fits, narrowed, room, tensor, values, widened, written};
use super::embedding::checked;
use super::math::{exp, largest, position, sum, vectorised};
use crate::cross_entropy::{CrossEntropyOps, composed, composed_backward};

impl CrossEntropyOps for Flex {
    fn cross_entropy_with_sums(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        smoothing: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let classes = logits.layout().shape()[1];
        if !fits(&logits) {
            return composed::<Self>(logits, targets, smoothing);
        }
        let ([logits], targets) = (widened([logits]), checked(targets, classes));
        let (losses, sums) = forward(values(&logits), &targets, classes, smoothing as f32);
        let shape = [targets.len()];
        (tensor(losses, shape.into()), tensor(sums, shape.into()))
    }

    fn cross_entropy_backward(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        sums: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        smoothing: f64,
    ) -> FloatTensor<Self> {
        if !fits(&logits) {
            return composed_backward::<Self>(logits, targets, sums, gradient, smoothing);
        }
        let (dtype, shape) = (logits.dtype(), logits.layout().shape().clone());
        let ([logits, sums, gradient], targets) = (widened([logits, sums, gradient]), checked(targets, shape[1]));
        let d_x = backward(values(&logits), &targets, [values(&sums), values(&gradient)], shape[1], smoothing as f32);
        narrowed(tensor(d_x, shape), dtype)
    }
}

fn forward(x: &[f32], targets: &[usize], classes: usize, smoothing: f32) -> (Vec<f32>, Vec<f32>) {
    let (mut losses, mut sums) = (vec![0.0; targets.len()], vec![0.0; targets.len()]);
    let step = (TASK / classes).max(1);
    let outputs = losses.par_chunks_mut(step).zip(sums.par_chunks_mut(step)).zip(targets.par_chunks(step));
    x.par_chunks(step * classes).zip(outputs).for_each(|(x, ((losses, sums), targets))| {
        vectorised!({
            let outputs = losses.iter_mut().zip(sums).zip(targets);
            for (x, ((loss, log_sum), &target)) in x.chunks_exact(classes).zip(outputs) {
                let highest = largest(x);
                // The loss is made of differences from the highest, whose own exponential is 1: of large logits nothing is lost, nor
                // of small losses.
                let spread = sum_of_others(x, position(x, highest), highest).ln_1p();
                let below = if smoothing > 0.0 { sum(x, |x| x - highest) / classes as f32 } else { 0.0 };
                *loss = spread - (1.0 - smoothing) * (x[target] - highest) - smoothing * below;
                *log_sum = spread + highest;
            }
        });
    });
    (losses, sums)
}

/// `Σ exp(x_k - reference)` without one entry; NaN where there is none to leave out, which only happens when x holds NaN.
#[inline(always)]
fn sum_of_others(x: &[f32], without: Option<usize>, reference: f32) -> f32 {
    let Some(at) = without else { return f32::NAN };
    let part = |part: &[f32]| {
        sum(
            part,
            #[inline(always)]
            |x| exp(x - reference),
        )
    };
    part(&x[..at]) + part(&x[at + 1..])
}

#[expect(unsafe_code, reason = "see `room`")]
fn backward(x: &[f32], targets: &[usize], [sums, gradient]: [&[f32]; 2], classes: usize, smoothing: f32) -> Vec<f32> {
    let mut d_x = room(x.len());
    let step = (TASK / classes).max(1);
    let of_rows = targets.par_chunks(step).zip(sums.par_chunks(step)).zip(gradient.par_chunks(step));
    let tasks = d_x.par_chunks_mut(step * classes).zip(x.par_chunks(step * classes)).zip(of_rows);
    tasks.for_each(|((d_x, x), ((targets, sums), gradients))| {
        vectorised!({
            let rows = d_x.chunks_exact_mut(classes).zip(x.chunks_exact(classes));
            let of_rows = targets.iter().zip(sums).zip(gradients);
            for ((d_x, x), ((&target, &sum), &gradient)) in rows.zip(of_rows) {
                let even = smoothing / classes as f32;
                // Rounded, the sum may lie a little below the largest logit.
                for (d_x, &x) in d_x.iter_mut().zip(x) {
                    d_x.write(gradient * (exp(x - sum) - even));
                }
                let share = exp(x[target] - sum);
                // All shares are 1 together: of one that is nearly all, the others tell how much is missing.
                let missing = if share > 0.5 { sum_of_others(x, Some(target), sum) } else { 1.0 - share };
                d_x[target].write(gradient * (smoothing - even - missing));
            }
        });
    });
    // SAFETY: tasks and rows cut d_x as they cut x, and each row writes all of its numbers.
    unsafe { written(d_x) }
}
