use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor};
use vlp_augment::Photometric;
use vlp_augment::image_ops::{BLUR_PASSES, BoxKernel};

use super::for_each_picture;

/// Blurs each picture with its own radius: Pillow's box filters, first along the rows, then along the columns.
///
/// # Shapes
/// - images, result: `[batch, 3, height, width]`
pub(super) fn blur(images: Tensor<4>, changes: &[Photometric]) -> Tensor<4> {
    let kernels: Vec<BoxKernel> = changes
        .iter()
        .map(|change| match *change {
            Photometric::GaussianBlur(radius) => BoxKernel::for_deviation(radius),
            _ => BoxKernel::for_deviation(0.0),
        })
        .collect();
    let taps = Taps::new(&kernels, &images.device());
    [3, 2].into_iter().fold(images, |images, dim| (0..BLUR_PASSES).fold(images, |images, _| taps.filter(images, dim)))
}

/// Weights by distance from the middle pixel, one for each picture, as upper and lower 12 bits: products of a byte with either
/// half and their sums are whole numbers below 2^24, which single precision holds.
struct Taps {
    halves: Vec<(Tensor<4>, Tensor<4>)>,
}

impl Taps {
    fn new(kernels: &[BoxKernel], device: &Device) -> Self {
        let farthest = kernels.iter().map(|kernel| kernel.reach + 1).max().unwrap_or(0);
        let weight = |kernel: &BoxKernel, distance: usize| match distance {
            _ if distance <= kernel.reach => kernel.inner,
            _ if distance == kernel.reach + 1 => kernel.outer,
            _ => 0,
        };
        let halves = (0..=farthest).map(|distance| {
            let half = |bits: fn(u32) -> u32| {
                let weights = kernels.iter().map(|kernel| bits(weight(kernel, distance)) as f32);
                for_each_picture(weights.collect(), device)
            };
            (half(|weight| weight >> 12), half(|weight| weight & 0xfff))
        });
        Self { halves: halves.collect() }
    }

    /// One pass along a dimension, rounded to the nearest; outside the picture its edge goes on.
    fn filter(&self, images: Tensor<4>, dim: usize) -> Tensor<4> {
        let (length, farthest) = (images.dims()[dim], self.halves.len() - 1);
        let mut padding = [(0, 0); 4];
        padding[dim] = (farthest, farthest);
        let padded = images.clone().pad(padding, PadMode::Edge);
        let shifted = |start: usize| padded.clone().narrow(dim, start, length);
        let (upper, lower) = &self.halves[0];
        let (mut high, mut low) = (images.clone() * upper.clone(), images * lower.clone());
        for (distance, (upper, lower)) in self.halves.iter().enumerate().skip(1) {
            let pair = shifted(farthest - distance) + shifted(farthest + distance);
            high = high + pair.clone() * upper.clone();
            low = low + pair * lower.clone();
        }
        let carried = low.mul_scalar(1.0 / 4096.0).floor();
        (high + carried).add_scalar(2048.0).mul_scalar(1.0 / 4096.0).floor()
    }
}
