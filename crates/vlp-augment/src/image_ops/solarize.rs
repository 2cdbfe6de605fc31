use crate::{Image, ImageTransform, Photometric, SampleRng};

/// Inverts every byte from a threshold on (torchvision's `RandomSolarize` without its coin). Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solarize {
    /// Bytes below it stay; 128 inverts the brighter half.
    pub threshold: f64,
}

impl Default for Solarize {
    /// 128, as BYOL and CLIP-rocket have it.
    fn default() -> Self {
        Self { threshold: 128.0 }
    }
}

/// Turns `v` into `255 - v` unless `v < threshold`.
pub fn solarize(mut image: Image, threshold: f64) -> Image {
    // One comparison of bytes a value, which the compiler vectorises; `None` when no byte reaches the threshold.
    let first = (0..=255u8).find(|&v| f64::from(v) >= threshold);
    if let Some(first) = first {
        for value in image.pixels_mut() {
            *value ^= if *value >= first { 255 } else { 0 };
        }
    }
    image
}

impl ImageTransform for Solarize {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        solarize(image, self.threshold)
    }

    fn defer(&self, image: Image, _rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        later.push(Photometric::Solarize(self.threshold));
        image
    }
}
