use super::resize::{CropBox, Filter, PassOrder, resize_crop_in_order};
use crate::{Image, ImageTransform, SampleRng};

/// Cuts out a rectangle of random area and shape and resizes it to a square (torchvision's `RandomResizedCrop`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomResizedCrop {
    /// Side of the square in pixels.
    pub size: usize,
    /// Smallest and largest share of the area, uniform.
    pub scale: (f64, f64),
    /// Smallest and largest width / height, uniform in its logarithm.
    pub ratio: (f64, f64),
    /// How pixels are weighted.
    pub filter: Filter,
    /// Which direction is resampled first.
    pub order: PassOrder,
}

impl RandomResizedCrop {
    /// A bicubic crop with this range of area and the usual shapes from 3:4 to 4:3.
    pub fn new(size: usize, scale: (f64, f64)) -> Self {
        Self { size, scale, ratio: (3.0 / 4.0, 4.0 / 3.0), filter: Filter::Bicubic, order: PassOrder::default() }
    }

    /// Draws the rectangle for a picture of this size: ten tries, then the largest central one of an allowed shape.
    pub fn draw(&self, width: usize, height: usize, rng: &mut SampleRng) -> CropBox {
        let area = (width * height) as f64;
        let log_ratio = (self.ratio.0.ln(), self.ratio.1.ln());
        for _ in 0..10 {
            let target = area * rng.range(self.scale.0, self.scale.1);
            let shape = rng.range(log_ratio.0, log_ratio.1).exp();
            let crop_width = (target * shape).sqrt().round_ties_even() as usize;
            let crop_height = (target / shape).sqrt().round_ties_even() as usize;
            if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
                return CropBox {
                    top: rng.below(height - crop_height + 1),
                    left: rng.below(width - crop_width + 1),
                    width: crop_width,
                    height: crop_height,
                };
            }
        }
        self.central(width, height)
    }

    fn central(&self, width: usize, height: usize) -> CropBox {
        let shape = width as f64 / height as f64;
        let (crop_width, crop_height) = if shape < self.ratio.0 {
            (width, (width as f64 / self.ratio.0).round_ties_even() as usize)
        } else if shape > self.ratio.1 {
            ((height as f64 * self.ratio.1).round_ties_even() as usize, height)
        } else {
            (width, height)
        };
        CropBox {
            left: (width - crop_width.min(width)) / 2,
            top: (height - crop_height.min(height)) / 2,
            width: crop_width,
            height: crop_height,
        }
    }
}

impl ImageTransform for RandomResizedCrop {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        let crop = self.draw(image.width(), image.height(), rng);
        resize_crop_in_order(&image, crop, self.size, self.size, self.filter, self.order)
    }
}
