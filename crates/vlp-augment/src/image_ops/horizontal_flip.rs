use crate::{Image, ImageTransform, Photometric, SampleRng};

/// Mirrors left and right. Draws nothing: put it into a `RandomApply` for a random flip.
#[derive(Debug, Clone, Copy)]
pub struct HorizontalFlip;

/// Mirrors left and right.
pub fn horizontal_flip(mut image: Image) -> Image {
    let row = image.width() * 3;
    for row in image.pixels_mut().chunks_exact_mut(row) {
        row.as_chunks_mut::<3>().0.reverse();
    }
    image
}

impl ImageTransform for HorizontalFlip {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        horizontal_flip(image)
    }

    /// At once: mirroring commutes with every change of colour.
    fn defer(&self, image: Image, _rng: &mut SampleRng, _later: &mut Vec<Photometric>) -> Image {
        horizontal_flip(image)
    }
}
