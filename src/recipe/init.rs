use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vlp_encoders::{LockConfig, LoraConfig};

use super::RecipeError;

/// Where a run's first parameters come from; they are drawn from the seed when it is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InitRecipe {
    /// Pretrained weights of open_clip or Hugging Face, for `method.name` clip and siglip: both encoders, their heads, the scale and
    /// the bias. The recipe must describe the encoders that they belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// The folder of a run or of one of its checkpoints: all parameters, without the optimizer's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<PathBuf>,
}

/// Which parts of the encoders stay as they are: a number of groups that learn, counted from the head, as open_clip's
/// `--lock-image-unlocked-groups` counts them. A tower that is left out learns whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LockRecipe {
    /// Groups of the image encoder that learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<usize>,
    /// Groups of the text encoder that learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<usize>,
    /// Whether batch normalisation in locked groups uses its running statistics, and leaves them as they are.
    pub freeze_bn_stats: bool,
}

/// Low-rank adapters, one configuration for each encoder that gets them. Everything else in that encoder stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraRecipe {
    /// Adapters in the image encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<LoraConfig>,
    /// Adapters in the text encoder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<LoraConfig>,
}

/// Learning rates that fall with depth: the head's is the schedule's, each group before it has this share of the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerDecayRecipe {
    /// In the image encoder.
    pub image: f64,
    /// In the text encoder.
    pub text: f64,
}

impl Default for LayerDecayRecipe {
    fn default() -> Self {
        LayerDecayRecipe { image: 1.0, text: 1.0 }
    }
}

/// A moving average of the parameters, which evaluation looks at in their place; nothing learns from it.
///
/// After `n` updates its decay is at most `(1 + n) / (10 + n)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmaRecipe {
    /// The share of the average that stays at each update.
    pub decay: f64,
}

impl EmaRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.decay > 0.0 && self.decay < 1.0 {
            return Ok(());
        }
        let must = "above 0 and below 1, such as 0.9999";
        Err(RecipeError::Value { key: "ema.decay", value: self.decay.to_string(), must })
    }
}

impl InitRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        let refuse = |value: &str, must| Err(RecipeError::Value { key: "init", value: value.to_owned(), must });
        match self {
            InitRecipe { weights: Some(_), checkpoint: Some(_) } => {
                refuse("both weights and checkpoint", "one of them: a run starts from one place")
            }
            InitRecipe { weights: None, checkpoint: None } => {
                refuse("empty", "a table with `weights` or with `checkpoint`, or left out")
            }
            _ => Ok(()),
        }
    }
}

impl LockRecipe {
    /// The configuration for a tower of which `groups` groups learn.
    pub(crate) fn of(&self, groups: usize) -> LockConfig {
        LockConfig { unlocked_groups: groups, freeze_bn_stats: self.freeze_bn_stats }
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.image.is_none() && self.text.is_none() {
            let must = "a table with `image` or `text`, the number of groups that learn";
            return Err(RecipeError::Value { key: "lock", value: "without a tower".to_owned(), must });
        }
        Ok(())
    }
}

impl LoraRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.image.is_none() && self.text.is_none() {
            let must = "a table with `image` or `text`, each with rank, alpha and layers";
            return Err(RecipeError::Value { key: "lora", value: "without a tower".to_owned(), must });
        }
        Ok(())
    }
}

impl LayerDecayRecipe {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        for (key, value) in [("layer_decay.image", self.image), ("layer_decay.text", self.text)] {
            if !(value > 0.0 && value <= 1.0) {
                return Err(RecipeError::Value { key, value: value.to_string(), must: "above 0 and at most 1" });
            }
        }
        Ok(())
    }
}
