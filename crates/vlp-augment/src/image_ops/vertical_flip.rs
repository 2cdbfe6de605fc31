use crate::{Image, ImageTransform, Photometric, SampleRng};

/// Mirrors top and bottom. Draws nothing: put it into a `RandomApply` for a random flip.
#[derive(Debug, Clone, Copy)]
pub struct VerticalFlip;

/// Mirrors top and bottom.
pub fn vertical_flip(mut image: Image) -> Image {
    let (stride, height) = (image.width() * 3, image.height());
    let (upper, lower) = image.pixels_mut().split_at_mut(height / 2 * stride);
    let lower = &mut lower[(height % 2) * stride..];
    for (top, bottom) in upper.chunks_exact_mut(stride).zip(lower.chunks_exact_mut(stride).rev()) {
        top.swap_with_slice(bottom);
    }
    image
}

impl ImageTransform for VerticalFlip {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        vertical_flip(image)
    }

    /// At once: mirroring commutes with every change of colour.
    fn defer(&self, image: Image, _rng: &mut SampleRng, _later: &mut Vec<Photometric>) -> Image {
        vertical_flip(image)
    }
}
