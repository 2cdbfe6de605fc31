use super::center_crop::center_crop_on;
use super::resize::{Filter, PassOrder, Resize, resize_in_order};
use crate::{Image, ImageTransform, SampleRng};

/// What happens to a picture of another shape than the one wanted (open_clip's `resize_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResizeMode {
    /// The picture covers the target, what stands over is cut off on both sides.
    #[default]
    Shortest,
    /// The picture is stretched to the target.
    Squash,
    /// The picture lies whole in the target, margins of one colour fill the rest.
    Longest {
        /// Colour of the margins.
        fill: [u8; 3],
    },
}

/// Brings a picture of any shape to exactly `width` x `height`, as open_clip does for evaluation. Draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResizeTo {
    /// Width afterwards, in pixels.
    pub width: usize,
    /// Height afterwards, in pixels.
    pub height: usize,
    /// What happens to the shape.
    pub mode: ResizeMode,
    /// How pixels are weighted.
    pub filter: Filter,
    /// Which direction comes first.
    pub order: PassOrder,
}

impl ResizeTo {
    /// Width and height times the ratio that `pick` takes of the two, rounded half to even as Python does.
    fn scaled(&self, image: &Image, pick: fn(f64, f64) -> f64) -> (usize, usize) {
        let ratio = pick(image.width() as f64 / self.width as f64, image.height() as f64 / self.height as f64);
        let side = |length: usize| (length as f64 / ratio).round_ties_even() as usize;
        (side(image.width()), side(image.height()))
    }
}

impl ImageTransform for ResizeTo {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        let ResizeTo { width, height, mode, filter, order } = *self;
        match mode {
            ResizeMode::Squash => resize_in_order(&image, width, height, filter, order),
            ResizeMode::Shortest if width == height => {
                let resized = Resize { shorter_side: width, filter, order }.apply(image, rng);
                center_crop_on(resized, width, height, [0; 3])
            }
            ResizeMode::Shortest => {
                let (new_width, new_height) = self.scaled(&image, f64::min);
                center_crop_on(resize_in_order(&image, new_width, new_height, filter, order), width, height, [0; 3])
            }
            ResizeMode::Longest { fill } => {
                let (new_width, new_height) = self.scaled(&image, f64::max);
                center_crop_on(resize_in_order(&image, new_width, new_height, filter, order), width, height, fill)
            }
        }
    }
}
