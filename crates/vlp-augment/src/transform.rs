use std::fmt;
use std::sync::Arc;

use crate::{Image, Photometric, SampleRng};

/// Changes a picture; never fails, since every [`Image`] holds at least one pixel.
pub trait ImageTransform: Send + Sync {
    /// The changed picture, a function of the input and of the draws from `rng`.
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image;

    /// Draws the same as [`apply`](Self::apply), but may leave changes of colour for later: `later` has what is still to be done
    /// to `image`, in order, and is added to.
    ///
    /// [`Photometric::apply_all`] of `later` on the result gives the bytes of `apply` on the settled input. What is written
    /// here does that for every transform: it makes up for what is pending, then applies itself.
    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        let settled = Photometric::apply_all(later.drain(..), image);
        self.apply(settled, rng)
    }
}

/// Changes a caption.
pub trait TextTransform: Send + Sync {
    /// The changed caption, a function of the input and of the draws from `rng`.
    fn apply(&self, text: String, rng: &mut SampleRng) -> String;
}

impl<T: ImageTransform + ?Sized> ImageTransform for Arc<T> {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        (**self).apply(image, rng)
    }

    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        (**self).defer(image, rng, later)
    }
}

impl<T: TextTransform + ?Sized> TextTransform for Arc<T> {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        (**self).apply(text, rng)
    }
}

/// Image transforms one after the other, all drawing from the same stream. Cheap to clone.
#[derive(Clone, Default)]
pub struct ImageSequence {
    steps: Vec<Arc<dyn ImageTransform>>,
}

impl ImageSequence {
    /// A sequence that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transform at the end.
    #[must_use]
    pub fn then(mut self, step: impl ImageTransform + 'static) -> Self {
        self.steps.push(Arc::new(step));
        self
    }
}

impl ImageTransform for ImageSequence {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        self.steps.iter().fold(image, |image, step| step.apply(image, rng))
    }

    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        self.steps.iter().fold(image, |image, step| step.defer(image, rng, later))
    }
}

impl fmt::Debug for ImageSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageSequence({} steps)", self.steps.len())
    }
}

/// Text transforms one after the other, all drawing from the same stream. Cheap to clone.
#[derive(Clone, Default)]
pub struct TextSequence {
    steps: Vec<Arc<dyn TextTransform>>,
}

impl TextSequence {
    /// A sequence that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transform at the end.
    #[must_use]
    pub fn then(mut self, step: impl TextTransform + 'static) -> Self {
        self.steps.push(Arc::new(step));
        self
    }
}

impl TextTransform for TextSequence {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        self.steps.iter().fold(text, |text, step| step.apply(text, rng))
    }
}

impl fmt::Debug for TextSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextSequence({} steps)", self.steps.len())
    }
}
