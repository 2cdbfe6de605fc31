use crate::image::luma;
use crate::{Image, ImageTransform, Photometric, SampleRng};

/// Turns the picture grey, keeping three equal channels. Draws nothing.
#[derive(Debug, Clone, Copy)]
pub struct Grayscale;

/// Puts each pixel's luma (BT.601) into all three channels.
pub fn grayscale(mut image: Image) -> Image {
    for rgb in image.triples_mut() {
        *rgb = [luma(*rgb); 3];
    }
    image
}

impl ImageTransform for Grayscale {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        grayscale(image)
    }

    fn defer(&self, image: Image, _rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        later.push(Photometric::Grayscale);
        image
    }
}
