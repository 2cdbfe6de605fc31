use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vlp_augment::{Image, ImageTransform, Photometric, SampleRng, TextTransform};

/// How one view of a sample is made: one transform for the picture, one for the caption.
#[derive(Clone)]
pub struct View {
    image: Arc<dyn ImageTransform>,
    text: Arc<dyn TextTransform>,
}

impl View {
    /// A view by these transforms; the picture must come out in one size, whatever goes in.
    pub fn new(image: impl ImageTransform + 'static, text: impl TextTransform + 'static) -> Self {
        Self { image: Arc::new(image), text: Arc::new(text) }
    }

    /// Picture and caption draw from separate streams, so that a change to one recipe leaves the other's draws alone.
    fn apply(&self, image: Image, caption: String, key: Key, view: u64, stage: PhotometricStage) -> Made {
        let stream = |number| SampleRng::new(key.seed, key.epoch, key.index, number);
        let (rng, mut photometric) = (&mut stream(2 * view), Vec::new());
        let image = match stage {
            PhotometricStage::Host => self.image.apply(image, rng),
            PhotometricStage::Device => self.image.defer(image, rng, &mut photometric),
        };
        Made { image, photometric, caption: self.text.apply(caption, &mut stream(2 * view + 1)) }
    }
}

/// One view of a sample.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) image: Image,
    /// What is left to the device.
    pub(crate) photometric: Vec<Photometric>,
    pub(crate) caption: String,
}

/// Where colours and sharpness are changed: jitter, greyscale, blur and solarize. The draws are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PhotometricStage {
    /// By the workers, picture by picture.
    #[default]
    Host,
    /// On the device of the batch, all pictures at once. Crops and flips stay with the workers; so does what comes before an operation
    /// that only they can do.
    Device,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("View")
    }
}

/// One weak view and any number of strong ones, drawn independently.
#[derive(Debug, Clone)]
pub struct Views {
    views: Vec<View>,
    stage: PhotometricStage,
}

/// What the random streams of a sample depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) index: u64,
}

impl Views {
    /// Only a weak view, as CLIP has it.
    pub fn weak(view: View) -> Self {
        Self { views: vec![view], stage: PhotometricStage::default() }
    }

    /// Adds `count` strong views made the same way.
    #[must_use]
    pub fn and_strong(mut self, count: usize, view: View) -> Self {
        self.views.extend(std::iter::repeat_n(view, count));
        self
    }

    /// Chooses where colours and sharpness are changed.
    #[must_use]
    pub fn photometric(mut self, stage: PhotometricStage) -> Self {
        self.stage = stage;
        self
    }

    /// Number of strong views.
    pub fn strong_count(&self) -> usize {
        self.views.len() - 1
    }

    /// All views of a sample as a loader with this seed makes them in this epoch, the weak one first: to look at.
    pub fn preview(&self, image: Image, caption: &str, (seed, epoch, index): (u64, u64, u64)) -> Vec<(Image, String)> {
        let views = self.apply(image, |_| caption.to_owned(), Key { seed, epoch, index });
        let settle = |Made { image, photometric, caption }| (Photometric::apply_all(photometric, image), caption);
        views.into_iter().map(settle).collect()
    }

    /// All views of a sample, the weak one first; `caption` gives the one that a view starts from.
    pub(crate) fn apply(&self, image: Image, caption: impl Fn(u64) -> String, key: Key) -> Vec<Made> {
        let mut views: Vec<_> = (1..)
            .zip(&self.views[1..])
            .map(|(number, view)| view.apply(image.clone(), caption(number), key, number, self.stage))
            .collect();
        views.insert(0, self.views[0].apply(image, caption(0), key, 0, self.stage));
        views
    }
}
