use burn::tensor::Tensor;
use vlp_augment::Photometric;

use super::for_each_picture;

/// `255 - v` where a value reaches its picture's threshold.
///
/// # Shapes
/// - images, result: `[batch, 3, height, width]`
pub(super) fn solarize(images: Tensor<4>, changes: &[Option<Photometric>]) -> Tensor<4> {
    let threshold = |change: &Option<Photometric>| match *change {
        // Rounded up, so that it is the same in single precision.
        Some(Photometric::Solarize(threshold)) => threshold.ceil() as f32,
        _ => 256.0,
    };
    let thresholds = for_each_picture(changes.iter().map(threshold).collect(), &images.device());
    let inverted = images.clone().neg().add_scalar(255.0);
    let reached = images.clone().greater_equal(thresholds.expand(images.dims()));
    images.mask_where(reached, inverted)
}
