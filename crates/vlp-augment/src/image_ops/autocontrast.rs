use super::histogram::{histograms, map_channels};
use crate::{Image, ImageTransform, SampleRng};

/// Stretches every channel to the full range. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoContrast;

/// Maps each channel's darkest byte to 0 and its brightest to 255 (Pillow's `autocontrast` without a cut-off).
pub fn autocontrast(image: Image) -> Image {
    let tables = histograms(&image).map(|counts| {
        let low = counts.iter().position(|&n| n > 0).unwrap_or(0);
        let high = counts.iter().rposition(|&n| n > 0).unwrap_or(0);
        std::array::from_fn(|v| {
            if high <= low {
                return v as u8;
            }
            let scale = 255.0 / (high - low) as f64;
            // The cast saturates at 0 and 255 and drops the fraction.
            (v as f64 * scale - low as f64 * scale) as u8
        })
    });
    map_channels(image, &tables)
}

impl ImageTransform for AutoContrast {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        autocontrast(image)
    }
}
