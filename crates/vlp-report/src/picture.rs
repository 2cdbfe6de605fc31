use image::imageops::FilterType;
use image::{ImageBuffer, Rgb, RgbImage};

use crate::ReportError;

/// How small pictures grow to the size of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scaling {
    /// Cubic interpolation.
    #[default]
    Smooth,
    /// Every source pixel stays a square: shows what a model really saw.
    Nearest,
}

/// A borrowed RGB8 picture, rows from the top.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
}

impl<'a> Picture<'a> {
    /// `rgb` holds `height * width * 3` bytes: rows, pixels, channels.
    ///
    /// # Errors
    /// When a side is 0 or the number of bytes is another.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, ReportError> {
        let expected = (u64::from(width) * u64::from(height)).saturating_mul(3);
        if expected == 0 || expected != rgb.len() as u64 {
            return Err(ReportError::PictureSize { width, height, expected, bytes: rgb.len() });
        }
        Ok(Picture { width, height, rgb })
    }

    /// The picture at the largest size that fits a square of `side` pixels, its proportions kept.
    pub(crate) fn fitted(&self, side: u32, scaling: Scaling) -> RgbImage {
        let scale = f64::from(side) / f64::from(self.width.max(self.height));
        let fit = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, side.max(1));
        let filter = match scaling {
            Scaling::Smooth => FilterType::CatmullRom,
            Scaling::Nearest => FilterType::Nearest,
        };
        let source: ImageBuffer<Rgb<u8>, &[u8]> =
            ImageBuffer::from_raw(self.width, self.height, self.rgb).expect("the size was checked at construction");
        image::imageops::resize(&source, fit(self.width), fit(self.height), filter)
    }
}

impl<'a> TryFrom<&'a RgbImage> for Picture<'a> {
    type Error = ReportError;

    fn try_from(image: &'a RgbImage) -> Result<Self, ReportError> {
        Picture::new(image.width(), image.height(), image.as_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_the_cell_and_keeps_its_proportions() {
        let rgb = [7; 2 * 6 * 3];
        let picture = Picture::new(2, 6, &rgb).expect("a valid size");
        assert_eq!(picture.fitted(60, Scaling::Nearest).dimensions(), (20, 60));
        assert_eq!(picture.fitted(1, Scaling::Smooth).dimensions(), (1, 1));
    }

    #[test]
    fn bytes_that_do_not_fit_the_size_are_an_error() {
        for (width, height, bytes) in [(2, 2, 11), (2, 2, 13), (0, 4, 0), (u32::MAX, u32::MAX, 5)] {
            let rgb = vec![0; bytes];
            let error = Picture::new(width, height, &rgb).expect_err("must not fit");
            assert!(error.to_string().contains(&format!("{width} x {height}")), "{error}");
        }
    }
}
