use crate::{Image, ImageTransform, Photometric, SampleRng, TextTransform};

/// Applies a transform with a probability, else passes the input on.
///
/// The coin is always drawn, the inner transform's numbers only when it lands.
#[derive(Debug, Clone)]
pub struct RandomApply<T> {
    /// Between 0 (never) and 1 (always).
    pub probability: f64,
    /// What is applied.
    pub transform: T,
}

impl<T> RandomApply<T> {
    /// Applies `transform` with this probability.
    pub fn new(probability: f64, transform: T) -> Self {
        Self { probability, transform }
    }
}

impl<T: ImageTransform> ImageTransform for RandomApply<T> {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        if rng.chance(self.probability) { self.transform.apply(image, rng) } else { image }
    }

    fn defer(&self, image: Image, rng: &mut SampleRng, later: &mut Vec<Photometric>) -> Image {
        if rng.chance(self.probability) { self.transform.defer(image, rng, later) } else { image }
    }
}

impl<T: TextTransform> TextTransform for RandomApply<T> {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        if rng.chance(self.probability) { self.transform.apply(text, rng) } else { text }
    }
}
