use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vlp_augment::{Image, ImageSequence, ImageTransform, Photometric, SampleRng, TextTransform};

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
        let (rng, mut photometric) = (&mut key.stream(2 * view), Vec::new());
        let image = match stage {
            PhotometricStage::Host => self.image.apply(image, rng),
            PhotometricStage::Device => self.image.defer(image, rng, &mut photometric),
        };
        Made { image, photometric, caption: self.text.apply(caption, &mut key.stream(2 * view + 1)) }
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

/// One weak view, any number of strong ones and any number of local crops, which are pictures only; all drawn independently.
#[derive(Debug, Clone)]
pub struct Views {
    views: Vec<View>,
    local: Local,
    stage: PhotometricStage,
}

/// Crops of a smaller size, without captions.
#[derive(Clone)]
struct Local {
    count: usize,
    image: Arc<dyn ImageTransform>,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Local({} crops)", self.count)
    }
}

// Random streams beyond those of all views: of the choice of captions, and of local crop 0.
pub(crate) const CAPTION_STREAM: u64 = 1 << 32;
const LOCAL_STREAM: u64 = 2 << 32;

/// What the random streams of a sample depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) index: u64,
}

impl Key {
    pub(crate) fn stream(self, number: u64) -> SampleRng {
        SampleRng::new(self.seed, self.epoch, self.index, number)
    }
}

impl Views {
    /// Only a weak view, as CLIP has it.
    pub fn weak(view: View) -> Self {
        let local = Local { count: 0, image: Arc::new(ImageSequence::new()) };
        Self { views: vec![view], local, stage: PhotometricStage::default() }
    }

    /// Adds `count` strong views made the same way.
    #[must_use]
    pub fn and_strong(mut self, count: usize, view: View) -> Self {
        self.views.extend(std::iter::repeat_n(view, count));
        self
    }

    /// Sets the local crops of multi-crop methods (SwAV, DINO): `count` small pictures made by `image`, without captions. They
    /// come as [`HostBatch::local`](crate::HostBatch::local).
    #[must_use]
    pub fn and_local(mut self, count: usize, image: impl ImageTransform + 'static) -> Self {
        self.local = Local { count, image: Arc::new(image) };
        self
    }

    /// Number of local crops.
    pub fn local_count(&self) -> usize {
        self.local.count
    }

    /// Chooses where colours and sharpness are changed; local crops are always the workers' own work.
    #[must_use]
    pub fn photometric(mut self, stage: PhotometricStage) -> Self {
        self.stage = stage;
        self
    }

    /// Number of strong views.
    pub fn strong_count(&self) -> usize {
        self.views.len() - 1
    }

    /// Weak and strong views of a sample as a loader with this seed makes them in this epoch, the weak one first: to look at.
    pub fn preview(&self, image: Image, caption: &str, (seed, epoch, index): (u64, u64, u64)) -> Vec<(Image, String)> {
        let views = self.apply(image, &vec![caption; self.views.len()], Key { seed, epoch, index });
        let settle = |Made { image, photometric, caption }| (Photometric::apply_all(photometric, image), caption);
        views.into_iter().map(settle).collect()
    }

    /// Weak and strong views of a sample, the weak one first; each starts from its caption.
    pub(crate) fn apply(&self, image: Image, captions: &[&str], key: Key) -> Vec<Made> {
        let mut views: Vec<_> = (1..)
            .zip(self.views.iter().zip(captions).skip(1))
            .map(|(number, (view, &caption))| view.apply(image.clone(), caption.to_owned(), key, number, self.stage))
            .collect();
        views.insert(0, self.views[0].apply(image, captions[0].to_owned(), key, 0, self.stage));
        views
    }

    /// The local crops of a sample.
    pub(crate) fn local_crops(&self, image: &Image, key: Key) -> Vec<Image> {
        let streams = (0..self.local.count as u64).map(|crop| key.stream(LOCAL_STREAM + crop));
        streams.map(|mut rng| self.local.image.apply(image.clone(), &mut rng)).collect()
    }
}
