use burn::tensor::Tensor;
use vlp_augment::Photometric;

use super::{for_each_picture, luma};

/// `from + factor (v - from)`, cut off to whole numbers, where `from` is black, the mean grey or the pixel's own grey, as each
/// picture's change says: Pillow's `blend`. A factor of 1 leaves a picture as it is.
///
/// # Shapes
/// - images, result: `[batch, 3, height, width]`
pub(super) fn blend(images: Tensor<4>, changes: &[Option<Photometric>]) -> Tensor<4> {
    let (mut factors, mut of_pixel, mut of_mean) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let (factor, pixel, mean) = match *change {
            Some(Photometric::Brightness(factor)) => (factor, 0.0, 0.0),
            Some(Photometric::Contrast(factor)) => (factor, 0.0, 1.0),
            Some(Photometric::Saturation(factor)) => (factor, 1.0, 0.0),
            Some(Photometric::Grayscale) => (0.0, 1.0, 0.0),
            _ => (1.0, 0.0, 0.0),
        };
        factors.push(factor as f32);
        of_pixel.push(pixel);
        of_mean.push(mean);
    }
    let device = images.device();
    let with_mean = of_mean.contains(&1.0);
    let factor = for_each_picture(factors, &device);
    let blended = if with_mean || of_pixel.contains(&1.0) {
        let grey = luma(&images);
        let mut from = grey.clone() * for_each_picture(of_pixel, &device);
        if with_mean {
            from = from + mean(grey) * for_each_picture(of_mean, &device);
        }
        (images - from.clone()) * factor + from
    } else {
        images * factor
    };
    blended.clamp(0.0, 255.0).floor()
}

/// Mean of each picture, a half rounded up.
///
/// # Shapes
/// - grey: `[batch, 1, height, width]`
/// - result: `[batch, 1, 1, 1]`
fn mean(grey: Tensor<4>) -> Tensor<4> {
    let [batch, _, height, width] = grey.dims();
    let count = (height * width) as f32;
    // Whole numbers below 2^24 up to 256 x 256 pixels: the sum is exact in whatever order, and the division rounds once.
    let sum = grey.reshape([batch, height * width]).sum_dim(1);
    sum.add_scalar(count / 2.0).div_scalar(count).floor().reshape([batch, 1, 1, 1])
}
