use crate::{Image, ImageTransform, SampleRng};

/// Turns the picture into its negative. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invert;

/// Turns every byte `v` into `255 - v`.
pub fn invert(mut image: Image) -> Image {
    for value in image.pixels_mut() {
        *value = !*value;
    }
    image
}

impl ImageTransform for Invert {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        invert(image)
    }
}
