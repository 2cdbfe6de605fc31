use crate::{Image, ImageTransform, SampleRng};

/// Keeps the highest bits of every byte. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posterize {
    /// Bits that stay, 0 (black) to 8 (everything); more counts as 8.
    pub bits: u8,
}

/// Clears all but the `bits` highest bits of every byte.
pub fn posterize(mut image: Image, bits: u8) -> Image {
    let mask = (0xff00u16 >> bits.min(8)) as u8;
    for value in image.pixels_mut() {
        *value &= mask;
    }
    image
}

impl ImageTransform for Posterize {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        posterize(image, self.bits)
    }
}
