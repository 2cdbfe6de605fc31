use super::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation};
use crate::{Image, ImageTransform, SampleRng};

/// Random brightness, contrast, saturation and hue, in a random order (torchvision's `ColorJitter`).
///
/// A range that cannot change anything (factor 1, hue 0) leaves its step out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorJitter {
    /// Lowest and highest brightness factor.
    pub brightness: (f64, f64),
    /// Lowest and highest contrast factor.
    pub contrast: (f64, f64),
    /// Lowest and highest saturation factor.
    pub saturation: (f64, f64),
    /// Lowest and highest turn of the hue, within -0.5 to 0.5 of the colour circle.
    pub hue: (f64, f64),
}

impl ColorJitter {
    /// Factors uniform in `[max(0, 1 - x), 1 + x]`, hue in `[-hue, hue]`.
    pub fn new(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Self {
        let around_one = |x: f64| ((1.0 - x).max(0.0), 1.0 + x);
        Self {
            brightness: around_one(brightness),
            contrast: around_one(contrast),
            saturation: around_one(saturation),
            hue: (-hue, hue),
        }
    }
}

impl ImageTransform for ColorJitter {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        type Adjust = fn(Image, f64) -> Image;
        let mut steps: [(Adjust, (f64, f64), f64); 4] = [
            (adjust_brightness, self.brightness, 1.0),
            (adjust_contrast, self.contrast, 1.0),
            (adjust_saturation, self.saturation, 1.0),
            (adjust_hue, self.hue, 0.0),
        ];
        rng.shuffle(&mut steps);
        steps
            .iter()
            .filter(|(_, range, neutral)| *range != (*neutral, *neutral))
            .fold(image, |image, (adjust, (low, high), _)| adjust(image, rng.range(*low, *high)))
    }
}
