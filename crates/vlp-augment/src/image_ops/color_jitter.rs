use crate::{Image, ImageTransform, Photometric, SampleRng};

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

    /// What is done to a picture, in order.
    fn draw(&self, rng: &mut SampleRng) -> impl Iterator<Item = Photometric> {
        type Change = fn(f64) -> Photometric;
        let mut steps: [(Change, (f64, f64), f64); 4] = [
            (Photometric::Brightness, self.brightness, 1.0),
            (Photometric::Contrast, self.contrast, 1.0),
            (Photometric::Saturation, self.saturation, 1.0),
            (Photometric::Hue, self.hue, 0.0),
        ];
        rng.shuffle(&mut steps);
        let changing = steps.into_iter().filter(|(_, range, neutral)| *range != (*neutral, *neutral));
        changing.map(|(change, (low, high), _)| change(rng.range(low, high)))
    }
}

impl ImageTransform for ColorJitter {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        Photometric::apply_all(self.draw(rng), image)
    }

    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        later.extend(self.draw(rng));
        image
    }
}
