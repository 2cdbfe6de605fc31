//! Published augmentation recipes by name. The output is always a square of the size asked for.

use crate::image_ops::{
    CenterCrop, ColorJitter, Filter, GaussianBlur, Grayscale, HorizontalFlip, RandomResizedCrop, Resize,
};
use crate::{ImageSequence, RandomApply};

/// CLIP-rocket's weak view: a bicubic crop of 50 to 100 % of the area, no flip.
pub fn clip_rocket_weak(size: usize) -> ImageSequence {
    ImageSequence::new().then(RandomResizedCrop::new(size, (0.5, 1.0)))
}

/// CLIP-rocket's strong view: a crop of 8 to 100 % of the area, then colour jitter (p 0.8), greyscale (p 0.2), Gaussian
/// blur of radius 0.1 to 2 pixels (p 0.5) and a horizontal flip (p 0.5).
pub fn clip_rocket_strong(size: usize) -> ImageSequence {
    ImageSequence::new()
        .then(RandomResizedCrop::new(size, (0.08, 1.0)))
        .then(RandomApply::new(0.8, ColorJitter::new(0.4, 0.4, 0.4, 0.1)))
        .then(RandomApply::new(0.2, Grayscale))
        .then(RandomApply::new(0.5, GaussianBlur { radius: (0.1, 2.0) }))
        .then(RandomApply::new(0.5, HorizontalFlip))
}

/// CLIP-rocket's evaluation view: shorter side to `size` (bilinear), central square. Draws nothing.
pub fn eval(size: usize) -> ImageSequence {
    ImageSequence::new().then(Resize::new(size, Filter::Bilinear)).then(CenterCrop { size })
}
