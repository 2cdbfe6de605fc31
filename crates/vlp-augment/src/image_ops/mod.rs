//! Operations on pictures, one a file. Each comes as a random transform, as a plain function of its parameters, or both.

mod brightness;
mod center_crop;
mod color_jitter;
mod contrast;
mod gaussian_blur;
mod grayscale;
mod horizontal_flip;
mod hue;
mod random_resized_crop;
mod resize;
mod resize_to;
mod saturation;

pub use brightness::adjust_brightness;
pub use center_crop::{CenterCrop, center_crop, center_crop_on};
pub use color_jitter::ColorJitter;
pub use contrast::adjust_contrast;
pub use gaussian_blur::{GaussianBlur, gaussian_blur};
pub use grayscale::{Grayscale, grayscale};
pub use horizontal_flip::{HorizontalFlip, horizontal_flip};
pub use hue::adjust_hue;
pub use random_resized_crop::RandomResizedCrop;
pub use resize::{CropBox, Filter, Resize, resize, resize_crop};
pub use resize_to::{ResizeMode, ResizeTo};
pub use saturation::adjust_saturation;

/// Pillow's `blend`: `from + factor * (to - from)`, cut off (not rounded) to a whole byte.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    // The cast saturates at 0 and 255 and drops the fraction.
    (from + factor * (to - from)) as u8
}
