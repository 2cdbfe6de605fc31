use serde::{Deserialize, Serialize};
use vlp_augment::{
    ColorJitter, GaussianBlur, Grayscale, HorizontalFlip, Identity, ImageSequence, KeywordShuffle, OneOf, RandomApply,
    RandomDeletion, RandomResizedCrop, RandomSwap,
};
use vlp_data::{View, Views};

use super::RecipeError;

/// How one weak and several strong views of a sample are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsRecipe {
    /// Side of the square pictures in pixels.
    pub size: usize,
    /// Number of strong views.
    pub strong: usize,
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

impl ViewsRecipe {
    /// The transforms, as a loader takes them.
    pub fn build(&self) -> Views {
        let [weak_low, weak_high] = self.weak_scale;
        let weak = ImageSequence::new().then(RandomResizedCrop::new(self.size, (weak_low, weak_high)));
        let [low, high] = self.strong_scale;
        let strong = ImageSequence::new()
            .then(RandomResizedCrop::new(self.size, (low, high)))
            .then(RandomApply::new(self.jitter, ColorJitter::new(0.4, 0.4, 0.4, 0.1)))
            .then(RandomApply::new(self.grayscale, Grayscale))
            .then(RandomApply::new(self.blur, GaussianBlur { radius: (0.1, self.blur_radius) }))
            .then(RandomApply::new(self.flip, HorizontalFlip));
        Views::weak(self.weak_text.view(weak)).and_strong(self.strong, self.strong_text.view(strong))
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |key, value: String, must| Err(RecipeError::Value { key, value, must });
        for (key, [low, high]) in [("views.weak_scale", self.weak_scale), ("views.strong_scale", self.strong_scale)] {
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
        if !(self.blur_radius >= 0.1 && self.blur_radius.is_finite()) {
            return refuse("views.blur_radius", self.blur_radius.to_string(), "at least 0.1");
        }
        Ok(())
    }
}

impl TextAugmentation {
    fn view(self, image: ImageSequence) -> View {
        match self {
            TextAugmentation::None => View::new(image, Identity),
            TextAugmentation::SwapOrDelete => {
                View::new(image, OneOf::new().or(2.0, RandomSwap).or(1.0, RandomDeletion { probability: 0.1 }))
            }
            TextAugmentation::Keywords => View::new(image, KeywordShuffle { at_least: 0 }),
        }
    }
}
