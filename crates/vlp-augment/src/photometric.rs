use crate::Image;
use crate::image_ops::{
    adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, gaussian_blur, grayscale, solarize,
};

/// A change of colours or sharpness with its parameters drawn: what a batch can leave to a device.
///
/// All of them commute with mirroring, and none changes the size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Photometric {
    /// [`adjust_brightness`] by this factor.
    Brightness(f64),
    /// [`adjust_contrast`] by this factor.
    Contrast(f64),
    /// [`adjust_saturation`] by this factor.
    Saturation(f64),
    /// [`adjust_hue`] by this part of the colour circle.
    Hue(f64),
    /// [`grayscale`].
    Grayscale,
    /// [`gaussian_blur`] with this radius in pixels.
    GaussianBlur(f64),
    /// [`solarize`] from this threshold on.
    Solarize(f64),
}

impl Photometric {
    /// The changed picture.
    pub fn apply(self, image: Image) -> Image {
        match self {
            Self::Brightness(factor) => adjust_brightness(image, factor),
            Self::Contrast(factor) => adjust_contrast(image, factor),
            Self::Saturation(factor) => adjust_saturation(image, factor),
            Self::Hue(factor) => adjust_hue(image, factor),
            Self::Grayscale => grayscale(image),
            Self::GaussianBlur(radius) => gaussian_blur(image, radius),
            Self::Solarize(threshold) => solarize(image, threshold),
        }
    }

    /// The picture after these changes one after the other.
    pub fn apply_all(changes: impl IntoIterator<Item = Self>, image: Image) -> Image {
        changes.into_iter().fold(image, |image, change| change.apply(image))
    }
}
