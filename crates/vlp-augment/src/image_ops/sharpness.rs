use super::blend;
use super::vectorized::vectorized;
use crate::{Image, ImageTransform, SampleRng};

/// Blends with a smoothed picture: 0 gives that, 1 the picture itself, more a sharper one.
///
/// Smoothing weighs a pixel by 5/13 and its eight neighbours by 1/13 each; the outermost pixels stay (Pillow's
/// `SMOOTH`).
pub fn adjust_sharpness(mut image: Image, factor: f64) -> Image {
    let (width, height) = (image.width(), image.height());
    if width < 3 || height < 3 {
        return image;
    }
    let factor = factor as f32;
    let stride = width * 3;
    let source = image.pixels().to_vec();
    let mut columns = vec![0u16; stride];
    vectorized(
        #[inline(always)]
        || {
            for y in 1..height - 1 {
                let [above, here, below] = [y - 1, y, y + 1].map(|y| &source[y * stride..(y + 1) * stride]);
                for (i, sum) in columns.iter_mut().enumerate() {
                    *sum = u16::from(above[i]) + u16::from(here[i]) + u16::from(below[i]);
                }
                let out = &mut image.pixels_mut()[y * stride + 3..(y + 1) * stride - 3];
                for (i, out) in out.iter_mut().enumerate() {
                    let sum = columns[i] + columns[i + 3] + columns[i + 6] + 4 * u16::from(here[i + 3]);
                    // Thirteenths, rounded to the nearest: there is no tie, 13 being odd.
                    let smooth = (2 * sum + 13) / 26;
                    *out = blend(smooth as u8, here[i + 3], factor);
                }
            }
        },
    );
    image
}

/// Blends with a smoothed picture by a fixed factor (torchvision's `RandomAdjustSharpness` without its coin). Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpness {
    /// 0 smooths, 1 changes nothing, more sharpens.
    pub factor: f64,
}

impl ImageTransform for Sharpness {
    fn apply(&self, image: Image, _rng: &mut SampleRng) -> Image {
        adjust_sharpness(image, self.factor)
    }
}
