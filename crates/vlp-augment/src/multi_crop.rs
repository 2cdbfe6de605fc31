use crate::{Image, ImageSequence, ImageTransform, SampleRng};

/// Several crops of one picture: a few large ones and many small ones (SwAV, Caron and others 2020).
///
/// ```
/// use vlp_augment::{Image, MultiCrop, pipeline::ImagePipeline};
///
/// let global = ImagePipeline::preset("swav/global")?.build(64)?;
/// let local = ImagePipeline::preset("swav/local")?.build(32)?;
/// let crops = MultiCrop::new().with(2, global).with(6, local).apply(&Image::filled(90, 80, [1, 2, 3]), 0, 0, 7);
/// assert_eq!(crops.iter().map(|crop| crop.width()).collect::<Vec<_>>(), [64, 64, 32, 32, 32, 32, 32, 32]);
/// # Ok::<(), vlp_augment::AugmentError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MultiCrop {
    kinds: Vec<(usize, ImageSequence)>,
}

impl MultiCrop {
    /// No crop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `count` crops made the same way, drawn independently.
    #[must_use]
    pub fn with(mut self, count: usize, pipeline: ImageSequence) -> Self {
        self.kinds.push((count, pipeline));
        self
    }

    /// Number of crops of a picture.
    pub fn count(&self) -> usize {
        self.kinds.iter().map(|(count, _)| count).sum()
    }

    /// The crops in the order in which their kinds were added, crop `i` from the stream of view `i`.
    pub fn apply(&self, image: &Image, seed: u64, epoch: u64, index: u64) -> Vec<Image> {
        let pipelines = self.kinds.iter().flat_map(|(count, pipeline)| std::iter::repeat_n(pipeline, *count));
        let views = pipelines.zip(0..);
        views
            .map(|(pipeline, view)| pipeline.apply(image.clone(), &mut SampleRng::new(seed, epoch, index, view)))
            .collect()
    }
}
