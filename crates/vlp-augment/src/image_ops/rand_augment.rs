use super::{
    Affine, adjust_brightness, adjust_contrast, adjust_saturation, adjust_sharpness, affine, autocontrast, equalize,
    posterize, solarize,
};
use crate::{Image, ImageTransform, SampleRng};

/// RandAugment (Cubuk and others, 2020) with torchvision's operations and magnitudes: `operations` of the fourteen, drawn
/// with replacement, each at the same magnitude and, where it has one, with a random sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandAugment {
    /// Operations one after the other.
    pub operations: usize,
    /// Strength as the number of a bin, counted from 0; the last bin is the strongest.
    pub magnitude: usize,
    /// Number of bins, at least 2.
    pub bins: usize,
    /// What fills places that a shear, a move or a turn leaves empty.
    pub fill: [u8; 3],
}

impl Default for RandAugment {
    /// Two operations at magnitude 9 of 31, black fill: torchvision's defaults.
    fn default() -> Self {
        Self { operations: 2, magnitude: 9, bins: 31, fill: [0; 3] }
    }
}

/// One of RandAugment's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum RandAugmentOp {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

impl RandAugmentOp {
    /// All, in torchvision's order.
    pub const ALL: [Self; 14] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
    ];

    /// The magnitude of bin `bin` of `bins` for a picture of this size, without sign: a slope, pixels, degrees, a
    /// difference of factors from 1, bits or a threshold. The last bin of fewer than 2 counts as the only one.
    pub fn magnitude(self, bin: usize, bins: usize, width: usize, height: usize) -> f64 {
        let to = |end: f64| linspace(0.0, end as f32, bin, bins);
        match self {
            Self::Identity | Self::AutoContrast | Self::Equalize => 0.0,
            Self::ShearX | Self::ShearY => to(0.3),
            Self::TranslateX => to(150.0 / 331.0 * width as f64),
            Self::TranslateY => to(150.0 / 331.0 * height as f64),
            Self::Rotate => to(30.0),
            Self::Brightness | Self::Color | Self::Contrast | Self::Sharpness => to(0.9),
            Self::Posterize => {
                let step = bins.saturating_sub(1).max(1) as f32 / 4.0;
                f64::from(8.0 - (bin as f32 / step).round_ties_even())
            }
            Self::Solarize => linspace(255.0, 0.0, bin, bins),
        }
    }

    /// Whether a coin decides the magnitude's sign.
    pub fn is_signed(self) -> bool {
        !matches!(self, Self::Identity | Self::Posterize | Self::Solarize | Self::AutoContrast | Self::Equalize)
    }

    /// Applies it with a signed magnitude.
    pub fn apply(self, image: Image, magnitude: f64, fill: [u8; 3]) -> Image {
        let (width, height) = (image.width(), image.height());
        let moved = |map| affine(&image, map, fill);
        match self {
            Self::Identity => image,
            Self::ShearX => moved(Affine::shear(magnitude, 0.0)),
            Self::ShearY => moved(Affine::shear(0.0, magnitude)),
            Self::TranslateX => moved(Affine::translate(magnitude as i64, 0)),
            Self::TranslateY => moved(Affine::translate(0, magnitude as i64)),
            Self::Rotate => moved(Affine::rotate(magnitude, width, height)),
            Self::Brightness => adjust_brightness(image, 1.0 + magnitude),
            Self::Color => adjust_saturation(image, 1.0 + magnitude),
            Self::Contrast => adjust_contrast(image, 1.0 + magnitude),
            Self::Sharpness => adjust_sharpness(image, 1.0 + magnitude),
            Self::Posterize => posterize(image, magnitude as u8),
            Self::Solarize => solarize(image, magnitude),
            Self::AutoContrast => autocontrast(image),
            Self::Equalize => equalize(image),
        }
    }
}

/// Value `i` of `n` evenly spaced ones, in single precision and from the nearer end as torch computes it.
fn linspace(start: f32, end: f32, i: usize, n: usize) -> f64 {
    let last = n.saturating_sub(1).max(1);
    let step = (end - start) / last as f32;
    f64::from(if i < n / 2 { start + step * i as f32 } else { end - step * last.saturating_sub(i) as f32 })
}

impl ImageTransform for RandAugment {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        (0..self.operations).fold(image, |image, _| {
            let op = RandAugmentOp::ALL[rng.below(RandAugmentOp::ALL.len())];
            let magnitude = op.magnitude(self.magnitude, self.bins, image.width(), image.height());
            let negative = op.is_signed() && rng.below(2) == 1;
            op.apply(image, if negative { -magnitude } else { magnitude }, self.fill)
        })
    }
}
