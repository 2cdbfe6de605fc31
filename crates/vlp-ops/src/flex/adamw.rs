use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::buffer::{TASK, values};
use super::is_f32;
use super::math::vectorised;
use crate::adamw::{AdamWNumbers, UpdateOps, composed};

impl UpdateOps for Flex {
    fn adamw(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        square: FloatTensor<Self>,
        numbers: AdamWNumbers,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        if !is_f32(&[&parameter, &gradient, &mean, &square]) {
            return composed::<Self>([parameter, gradient, mean, square], numbers);
        }
        let gradient = gradient.to_contiguous();
        let [mut parameter, mut mean, mut square] = [parameter, mean, square].map(whole);
        let of_gradient = values(&gradient);
        let states =
            mean.storage_mut::<f32>().par_chunks_mut(TASK).zip(square.storage_mut::<f32>().par_chunks_mut(TASK));
        let tasks = parameter.storage_mut::<f32>().par_chunks_mut(TASK).zip(of_gradient.par_chunks(TASK)).zip(states);
        tasks.for_each(|((parameter, gradient), (mean, square))| {
            vectorised!(update(parameter, gradient, mean, square, numbers));
        });
        (parameter, mean, square)
    }
}

/// Without gaps and with nothing around it. A handle that is the only one stays so: then `storage_mut` copies nothing.
fn whole(x: FlexTensor) -> FlexTensor {
    let alone = x.is_contiguous() && x.layout().start_offset() == 0;
    if alone && x.bytes().len() == x.layout().num_elements() * size_of::<f32>() { x } else { x.to_contiguous() }
}

/// Every operation as in burn's chain, in the same order: the bits are the same.
#[inline(always)]
fn update(parameter: &mut [f32], gradient: &[f32], mean: &mut [f32], square: &mut [f32], numbers: AdamWNumbers) {
    let AdamWNumbers { rate, beta_1, beta_2, epsilon, .. } = numbers;
    let ([of_mean, of_square], rate, left) = (numbers.corrections(), rate as f32, numbers.left() as f32);
    let (new_mean, new_square) = (1.0 - beta_1, 1.0 - beta_2);
    let states = mean.iter_mut().zip(square);
    for ((parameter, &gradient), (mean, square)) in parameter.iter_mut().zip(gradient).zip(states) {
        *mean = *mean * beta_1 + gradient * new_mean;
        *square = *square * beta_2 + gradient * gradient * new_square;
        let direction = (*mean / of_mean) / ((*square / of_square).sqrt() + epsilon);
        *parameter = *parameter * left - direction * rate;
    }
}
