//! Operations on pictures, one a file. Each comes as a random transform, as a plain function of its parameters, or both.

mod affine;
mod autocontrast;
mod brightness;
mod center_crop;
mod color_jitter;
mod contrast;
mod equalize;
mod gaussian_blur;
mod grayscale;
mod histogram;
mod horizontal_flip;
mod hue;
mod invert;
mod posterize;
mod rand_augment;
mod random_resized_crop;
mod resize;
mod resize_to;
mod saturation;
mod sharpness;
mod solarize;
mod vectorized;
mod vertical_flip;

pub use affine::{Affine, affine};
pub use autocontrast::{AutoContrast, autocontrast};
pub use brightness::adjust_brightness;
pub use center_crop::{CenterCrop, center_crop, center_crop_on};
pub use color_jitter::ColorJitter;
pub use contrast::adjust_contrast;
pub use equalize::{Equalize, equalize};
pub use gaussian_blur::{BLUR_PASSES, BoxKernel, GaussianBlur, gaussian_blur};
pub use grayscale::{Grayscale, grayscale};
pub use horizontal_flip::{HorizontalFlip, horizontal_flip};
pub use hue::{adjust_hue, hsv_from_rgb};
pub use invert::{Invert, invert};
pub use posterize::{Posterize, posterize};
pub use rand_augment::{RandAugment, RandAugmentOp};
pub use random_resized_crop::RandomResizedCrop;
pub use resize::{CropBox, Filter, PassOrder, Resize, resize, resize_crop, resize_crop_in_order, resize_in_order};
pub use resize_to::{ResizeMode, ResizeTo};
pub use saturation::adjust_saturation;
pub use sharpness::{Sharpness, adjust_sharpness};
pub use solarize::{Solarize, solarize};
pub use vertical_flip::{VerticalFlip, vertical_flip};

/// Pillow's `blend`: `from + factor * (to - from)`, cut off (not rounded) to a whole byte.
#[inline(always)]
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    vectorized::byte_f32((from + factor * (to - from)).clamp(0.0, 255.0))
}
