//! Image and text augmentations: what turns one sample into a weak and several strong views.
//!
//! Everything is a function of its input and a [`SampleRng`], which is keyed by (seed, epoch, index, view): the same
//! sample in the same epoch gets the same view, whatever thread makes it and in whatever order. Pictures are 8-bit RGB
//! throughout and the operations follow Pillow (as torchvision calls it), rounding included.
//!
//! | module | what |
//! |---|---|
//! | [`Image`], [`SampleRng`], [`Normalization`] | the picture, the random stream, the channel statistics |
//! | [`ImageTransform`], [`TextTransform`] | the two traits; [`ImageSequence`], [`TextSequence`], [`RandomApply`], [`OneOf`] compose them |
//! | [`image_ops`] | crops, resizing, flip, colour jitter, greyscale, blur |
//! | [`text`] | random swap, random deletion, keyword shuffle |
//! | [`recipes`] | published combinations by name |
//!
//! ```
//! use vlp_augment::{Image, ImageTransform, SampleRng, recipes};
//!
//! let image = Image::filled(64, 64, [200, 30, 30]);
//! let strong = recipes::clip_rocket_strong(32);
//! let view = strong.apply(image, &mut SampleRng::new(0, 3, 17, 1));
//! assert_eq!((view.width(), view.height()), (32, 32));
//! ```

mod image;
pub mod image_ops;
mod normalization;
mod random_apply;
pub mod recipes;
mod rng;
pub mod text;
mod transform;

pub use image::{Image, ImageError};
pub use image_ops::{
    CenterCrop, ColorJitter, Filter, GaussianBlur, Grayscale, HorizontalFlip, RandomResizedCrop, Resize, ResizeMode,
    ResizeTo,
};
pub use normalization::Normalization;
pub use random_apply::RandomApply;
pub use rng::SampleRng;
pub use text::{Identity, KeywordShuffle, OneOf, RandomDeletion, RandomSwap};
pub use transform::{ImageSequence, ImageTransform, TextSequence, TextTransform};
