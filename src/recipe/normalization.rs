use serde::{Deserialize, Serialize};
use vlp_augment::Normalization;

use super::RecipeError;

/// The channel statistics that pictures are normalised by: `"imagenet"`, `"openai"`, `"siglip"`, or `{ mean = [...], std = [...] }`.
///
/// ```
/// use vlp::augment::Normalization;
/// use vlp::recipe::Recipe;
///
/// let recipe = Recipe::quickstart().set(&["normalization=openai"])?;
/// assert_eq!(recipe.normalization.statistics(), Normalization::CLIP);
/// # Ok::<(), vlp::recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormalizationRecipe {
    /// ImageNet's: torchvision's models, CLIP-rocket.
    #[default]
    ImageNet,
    /// Those of OpenAI's CLIP and of open_clip.
    OpenAi,
    /// SigLIP's, which map a byte to [-1, 1].
    SigLip,
    /// Statistics of your own, in units of the whole range.
    #[serde(untagged)]
    Own(ChannelStatistics),
}

/// Mean and standard deviation of red, green and blue, for values from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelStatistics {
    /// Means.
    pub mean: [f64; 3],
    /// Standard deviations.
    pub std: [f64; 3],
}

impl NormalizationRecipe {
    /// The numbers.
    pub fn statistics(&self) -> Normalization {
        match self {
            NormalizationRecipe::ImageNet => Normalization::IMAGENET,
            NormalizationRecipe::OpenAi => Normalization::CLIP,
            NormalizationRecipe::SigLip => Normalization::HALF,
            NormalizationRecipe::Own(ChannelStatistics { mean, std }) => {
                Normalization { mean: mean.map(|value| value as f32), std: std.map(|value| value as f32) }
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let NormalizationRecipe::Own(ChannelStatistics { mean, std }) = self else { return Ok(()) };
        let refuse = |key, value: &[f64; 3], must| Err(RecipeError::Value { key, value: format!("{value:?}"), must });
        if !mean.iter().all(|mean| mean.abs() <= 1e3) {
            return refuse("normalization.mean", mean, "three numbers, for values from 0 to 1");
        }
        if !std.iter().all(|std| *std >= 1e-6 && *std <= 1e6) {
            return refuse("normalization.std", std, "three numbers above 0, for values from 0 to 1");
        }
        Ok(())
    }
}
