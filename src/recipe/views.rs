use serde::{Deserialize, Serialize};
use vlp_augment::{
    ColorJitter, GaussianBlur, Grayscale, HorizontalFlip, ImageSequence, KeywordShuffle, OneOf, RandomApply,
    RandomDeletion, RandomResizedCrop, RandomSwap, TextSequence,
};
use vlp_data::{PhotometricStage, Views};

use super::{AugmentRecipe, RecipeError};

/// How one weak, several strong and several local views of a sample are made. What is left out is CLIP-rocket's, captions unchanged;
/// [`AugmentRecipe`] says more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewsRecipe {
    /// Side of the square pictures in pixels.
    pub size: usize,
    /// Number of strong views.
    pub strong: usize,
    /// Side of strong pictures in pixels, for encoders that take any size; `size` when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong_size: Option<usize>,
    /// Number of local crops, small pictures without captions, for multi-crop methods: [`Dino`](vlp_methods::Dino) and
    /// [`Swav`](vlp_methods::Swav) read them.
    pub local: usize,
    /// Side of the local crops in pixels.
    pub local_size: usize,
    /// Smallest and largest share of the area that a local crop takes; jitter, greyscale, blur and flip are those of strong views.
    pub local_scale: [f64; 2],
    /// Smallest and largest share of the picture's area that a weak crop takes.
    pub weak_scale: [f64; 2],
    /// The same for strong crops.
    pub strong_scale: [f64; 2],
    /// Probability of colour jitter (brightness, contrast and saturation 0.4, hue 0.1) in strong views.
    pub jitter: f64,
    /// Probability of greyscale in strong views.
    pub grayscale: f64,
    /// Probability of Gaussian blur in strong views.
    pub blur: f64,
    /// Largest radius of that blur in pixels; the smallest is 0.1.
    pub blur_radius: f64,
    /// Probability of a horizontal flip in strong views.
    pub flip: f64,
    /// Where colours and sharpness are changed: by the workers (`host`, when left out) or on the device of the batch (`device`).
    pub photometric: PhotometricStage,
    /// What happens to the captions of weak views.
    pub weak_text: TextAugmentation,
    /// What happens to the captions of strong views.
    pub strong_text: TextAugmentation,
}

/// What happens to a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextAugmentation {
    /// Nothing.
    None,
    /// Two words change places or words are dropped with probability 0.1, in proportion 2 to 1 (CLIP-rocket's operations
    /// without synonyms).
    SwapOrDelete,
    /// For captions of the form `label: a, b, c`: the label and a random part of the keywords in random order.
    Keywords,
}

/// Several times what any published method has; each view of each sample of a batch is held in memory.
const MOST_VIEWS: usize = 64;

impl Default for ViewsRecipe {
    fn default() -> Self {
        Self {
            size: 224,
            strong: 2,
            strong_size: None,
            local: 0,
            local_size: 96,
            local_scale: [0.05, 0.14],
            weak_scale: [0.5, 1.0],
            strong_scale: [0.08, 1.0],
            jitter: 0.8,
            grayscale: 0.2,
            blur: 0.5,
            blur_radius: 2.0,
            flip: 0.5,
            photometric: PhotometricStage::default(),
            weak_text: TextAugmentation::None,
            strong_text: TextAugmentation::None,
        }
    }
}

impl ViewsRecipe {
    /// The transforms, as a loader takes them.
    pub(super) fn build(&self, augment: &AugmentRecipe) -> Result<Views, RecipeError> {
        let [weak_low, weak_high] = self.weak_scale;
        let weak = match &augment.weak {
            Some(pipeline) => pipeline.build(self.size)?,
            None => ImageSequence::new().then(RandomResizedCrop::new(self.size, (weak_low, weak_high))),
        };
        let strong = match &augment.strong {
            Some(pipeline) => pipeline.build(self.side_of_strong())?,
            None => self.augmented_crops(self.side_of_strong(), self.strong_scale),
        };
        let local = match &augment.local {
            Some(pipeline) => pipeline.build(self.local_size)?,
            None => self.augmented_crops(self.local_size, self.local_scale),
        };
        let mut texts = [self.weak_text.transforms(), self.strong_text.transforms()];
        for (text, pipeline) in texts.iter_mut().zip([&augment.weak_text, &augment.strong_text]) {
            if let Some(pipeline) = pipeline {
                *text = pipeline.build(&augment.synonyms()?);
            }
        }
        let [weak_text, strong_text] = texts;
        let views = Views::weak(augment.view(weak, weak_text));
        let views = views.and_strong(self.strong, augment.view(strong, strong_text)).and_local(self.local, local);
        Ok(views.photometric(self.photometric))
    }

    /// Side of strong pictures in pixels.
    pub(super) fn side_of_strong(&self) -> usize {
        self.strong_size.unwrap_or(self.size)
    }

    fn augmented_crops(&self, size: usize, [low, high]: [f64; 2]) -> ImageSequence {
        ImageSequence::new()
            .then(RandomResizedCrop::new(size, (low, high)))
            .then(RandomApply::new(self.jitter, ColorJitter::new(0.4, 0.4, 0.4, 0.1)))
            .then(RandomApply::new(self.grayscale, Grayscale))
            .then(RandomApply::new(self.blur, GaussianBlur { radius: (0.1, self.blur_radius) }))
            .then(RandomApply::new(self.flip, HorizontalFlip))
    }

    /// Refuses keys that would have no effect because `augment` takes their place.
    pub(super) fn check_beside(&self, augment: &AugmentRecipe) -> Result<(), RecipeError> {
        let Self { size, strong, strong_size, local, local_size, photometric, .. } = *self;
        let usual = Self { size, strong, strong_size, local, local_size, photometric, ..Self::default() };
        let mut rest = self.clone();
        if augment.strong.is_none() {
            let Self { strong_scale, jitter, grayscale, blur, blur_radius, flip, .. } = usual;
            rest = Self { strong_scale, jitter, grayscale, blur, blur_radius, flip, ..rest };
        }
        if augment.local.is_none() {
            rest.local_scale = usual.local_scale;
        } else if local == 0 {
            return Err(RecipeError::Value {
                key: "augment.local",
                value: "set".to_owned(),
                must: "left out while views.local is 0",
            });
        }
        if augment.weak.is_none() {
            rest.weak_scale = usual.weak_scale;
        }
        if augment.weak_text.is_none() {
            rest.weak_text = usual.weak_text;
        }
        if augment.strong_text.is_none() {
            rest.strong_text = usual.strong_text;
        }
        if rest != usual {
            return Err(RecipeError::Value {
                key: "views",
                value: "set for pictures or captions that augment also describes".to_owned(),
                must: "left out there: weak_scale beside augment.weak; strong_scale, jitter, grayscale, blur, blur_radius and \
                       flip beside augment.strong; local_scale beside augment.local; weak_text and strong_text beside those of augment",
            });
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        let sizes = [
            ("views.size", self.size),
            ("views.strong_size", self.side_of_strong()),
            ("views.local_size", self.local_size),
        ];
        for (key, size) in sizes {
            if !(1..=8192).contains(&size) {
                return refuse(key, size.to_string(), "1 to 8192 pixels");
            }
        }
        for (key, count) in [("views.strong", self.strong), ("views.local", self.local)] {
            if count > MOST_VIEWS {
                return refuse(key, count.to_string(), "at most 64");
            }
        }
        let usual = Self::default();
        if self.local == 0 && (self.local_size, self.local_scale) != (usual.local_size, usual.local_scale) {
            return refuse("views.local", "0".to_owned(), "at least 1 where local_size or local_scale is set");
        }
        for (key, [low, high]) in [
            ("views.weak_scale", self.weak_scale),
            ("views.strong_scale", self.strong_scale),
            ("views.local_scale", self.local_scale),
        ] {
            if !(low > 0.0 && low <= high && high <= 1.0) {
                return refuse(key, format!("[{low}, {high}]"), "two shares of the area, 0 < low <= high <= 1");
            }
        }
        let Self { jitter, grayscale, blur, flip, .. } = *self;
        let probabilities =
            [("views.jitter", jitter), ("views.grayscale", grayscale), ("views.blur", blur), ("views.flip", flip)];
        if let Some((key, value)) = probabilities.into_iter().find(|(_, p)| !(0.0..=1.0).contains(p)) {
            return refuse(key, value.to_string(), "a probability, 0 to 1");
        }
        if !(0.1..=1000.0).contains(&self.blur_radius) {
            return refuse("views.blur_radius", self.blur_radius.to_string(), "0.1 to 1000 pixels");
        }
        Ok(())
    }
}

impl TextAugmentation {
    fn transforms(self) -> TextSequence {
        match self {
            TextAugmentation::None => TextSequence::new(),
            TextAugmentation::SwapOrDelete => {
                TextSequence::new().then(OneOf::new().or(2.0, RandomSwap).or(1.0, RandomDeletion { probability: 0.1 }))
            }
            TextAugmentation::Keywords => TextSequence::new().then(KeywordShuffle { at_least: 0 }),
        }
    }
}
