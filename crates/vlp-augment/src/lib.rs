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
//! | [`Photometric`] | changes of colour with their parameters drawn, left for a device by [`ImageTransform::defer`] |
//! | [`MultiCrop`] | several crops of one picture, large and small |
//! | [`image_ops`] | crops, resizing, flips, colour jitter, greyscale, blur, solarize, RandAugment and its operations |
//! | [`text`] | stop words, synonyms, random insertion, swap and deletion, keyword shuffle, choice of captions |
//! | [`pipeline`] | operations and presets as data, for TOML files |
//! | [`recipes`] | CLIP-rocket's combinations as functions |
//!
//! ```
//! use vlp_augment::{Image, ImageTransform, SampleRng, recipes};
//!
//! let image = Image::filled(64, 64, [200, 30, 30]);
//! let strong = recipes::clip_rocket_strong(32);
//! let view = strong.apply(image, &mut SampleRng::new(0, 3, 17, 1));
//! assert_eq!((view.width(), view.height()), (32, 32));
//! ```

mod error;
mod image;
pub mod image_ops;
mod multi_crop;
mod normalization;
mod open_regular;
mod photometric;
pub mod pipeline;
mod printable;
mod random_apply;
pub mod recipes;
mod rng;
pub mod text;
mod transform;

pub use error::AugmentError;
pub use image::{Image, ImageError};
pub use image_ops::{
    AutoContrast, CenterCrop, ColorJitter, Equalize, Filter, GaussianBlur, Grayscale, HorizontalFlip, Invert,
    PassOrder, Posterize, RandAugment, RandomResizedCrop, Resize, ResizeMode, ResizeTo, Sharpness, Solarize,
    VerticalFlip,
};
pub use multi_crop::MultiCrop;
pub use normalization::Normalization;
pub use open_regular::{open_regular, read_regular};
pub use photometric::Photometric;
pub use printable::{printable, printable_lines};
pub use random_apply::RandomApply;
pub use rng::SampleRng;
pub use text::{
    CaptionSampling, Identity, KeywordShuffle, OneOf, RandomDeletion, RandomInsertion, RandomSwap, RemoveStopWords,
    SynonymReplacement, Synonyms,
};
pub use transform::{ImageSequence, ImageTransform, TextSequence, TextTransform};
