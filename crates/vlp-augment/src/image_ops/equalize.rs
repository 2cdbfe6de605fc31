use super::histogram::{histograms, map_channels};
use crate::{Image, ImageTransform, SampleRng};

/// Spreads the bytes of every channel evenly over the range. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equalize;

/// Maps each channel through its cumulative histogram, with Pillow's whole-number step.
pub fn equalize(image: Image) -> Image {
    let tables = histograms(&image).map(|counts| {
        let total: u32 = counts.iter().sum();
        let last = counts.iter().rfind(|&&n| n > 0).copied().unwrap_or(0);
        let step = (total - last) / 255;
        let mut sum = step / 2;
        std::array::from_fn(|v| {
            if step == 0 {
                return v as u8;
            }
            let level = (sum / step).min(255) as u8;
            sum += counts[v];
            level
        })
    });
    map_channels(image, &tables)
}

impl ImageTransform for Equalize {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        equalize(image)
    }
}
