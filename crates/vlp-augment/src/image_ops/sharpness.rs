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
                for (((sum, &a), &b), &c) in columns.iter_mut().zip(above).zip(here).zip(below) {
                    *sum = u16::from(a) + u16::from(b) + u16::from(c);
                }
                let inner = stride - 6;
                let [left, middle, right] = [0, 3, 6].map(|from| &columns[from..from + inner]);
                let here = &here[3..3 + inner];
                let out = &mut image.pixels_mut()[y * stride + 3..][..inner];
                for i in 0..inner {
                    let sum = left[i] + middle[i] + right[i] + 4 * u16::from(here[i]);
                    // Thirteenths, rounded to the nearest: there is no tie, 13 being odd.
                    let smooth = (2 * sum + 13) / 26;
                    out[i] = blend(smooth as u8, here[i], factor);
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
