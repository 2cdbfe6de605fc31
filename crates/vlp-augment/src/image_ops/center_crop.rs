use super::resize::{CropBox, Filter, resize_crop};
use crate::{Image, ImageTransform, SampleRng};

/// Cuts the central square out. Draws nothing.
#[derive(Debug, Clone, Copy)]
pub struct CenterCrop {
    /// Side of the square in pixels.
    pub size: usize,
}

/// Cuts `width` x `height` out of the middle; where the picture is smaller it is first padded with black.
///
/// Odd margins round as in torchvision: half to even for the crop, down for the padding at the left and top.
pub fn center_crop(image: Image, width: usize, height: usize) -> Image {
    center_crop_on(image, width, height, [0; 3])
}

/// [`center_crop`] that pads with a colour.
pub fn center_crop_on(image: Image, width: usize, height: usize, colour: [u8; 3]) -> Image {
    let (width, height) = (width.max(1), height.max(1));
    let image = pad(image, width, height, colour);
    let start = |outer: usize, inner: usize| ((outer - inner) as f64 / 2.0).round_ties_even() as usize;
    let crop = CropBox { left: start(image.width(), width), top: start(image.height(), height), width, height };
    resize_crop(&image, crop, width, height, Filter::Bilinear)
}

/// Margins of one colour up to at least `width` x `height`.
fn pad(image: Image, width: usize, height: usize, colour: [u8; 3]) -> Image {
    let (full_width, full_height) = (image.width().max(width), image.height().max(height));
    if (full_width, full_height) == (image.width(), image.height()) {
        return image;
    }
    let left = (full_width - image.width()) / 2;
    let top = (full_height - image.height()) / 2;
    let mut padded = Image::filled(full_width, full_height, colour);
    let rows = padded.pixels_mut().chunks_exact_mut(full_width * 3).skip(top);
    for (row, source) in rows.zip(image.pixels().chunks_exact(image.width() * 3)) {
        row[left * 3..left * 3 + source.len()].copy_from_slice(source);
    }
    padded
}

impl ImageTransform for CenterCrop {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        center_crop(image, self.size, self.size)
    }
}
