//! A training run as data: everything that decides its result, in one TOML file that refuses unknown keys.

mod error;
mod method;
mod optimizer;
mod views;

use std::path::Path;

use serde::{Deserialize, Serialize};
use vlp_encoders::{TextTransformerConfig, VitConfig};

pub use error::RecipeError;
pub use method::MethodRecipe;
pub use optimizer::{OptimizerRecipe, ScheduleRecipe};
pub use views::{TextAugmentation, ViewsRecipe};

/// Everything that decides the result of a run, the data and the device apart.
///
/// ```
/// let recipe = vlp::recipe::Recipe::quickstart();
/// assert_eq!(recipe.method.name(), "clip-rocket");
/// assert_eq!(vlp::recipe::Recipe::from_toml(&recipe.to_toml()?)?, recipe);
/// # Ok::<(), vlp::recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of initial weights, order, augmentation and dropout.
    pub seed: u64,
    /// Passes over the training samples.
    pub epochs: f64,
    /// Samples of one step.
    pub batch_size: usize,
    /// Metadata field whose values occur at most once in a batch, so that no two rows describe the same thing.
    #[serde(default)]
    pub distinct_by: Option<String>,
    /// How samples are augmented.
    pub views: ViewsRecipe,
    /// Image encoder.
    pub image: VitConfig,
    /// Text encoder.
    pub text: TextTransformerConfig,
    /// What is optimised.
    pub method: MethodRecipe,
    /// How parameters move.
    pub optimizer: OptimizerRecipe,
    /// How fast they move at each step.
    pub schedule: ScheduleRecipe,
}

impl Recipe {
    /// The recipe of the quickstart example: a small CLIP-rocket that learns 4,850 emoji on two CPU cores in minutes.
    pub fn quickstart() -> Self {
        // The file is part of this crate and a test reads it.
        Self::from_toml(include_str!("../recipes/quickstart.toml")).expect("recipes/quickstart.toml is valid")
    }

    /// Reads a recipe from TOML.
    ///
    /// # Errors
    /// When it is no TOML, a key is missing or unknown, or a value is out of range; the message names line and key.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| RecipeError::Parse { message: error.to_string() })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Reads a recipe from a file.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml), and when the file cannot be read.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, RecipeError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| RecipeError::Read { path: path.to_path_buf(), message: source.to_string() })?;
        Self::from_toml(&text).map_err(|error| error.in_file(path))
    }

    /// The recipe as TOML.
    ///
    /// # Errors
    /// When a value has no form in TOML (an integer above 2^63).
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string(self).map_err(|error| RecipeError::Parse { message: error.to_string() })
    }

    /// Steps that `epochs` passes over `samples` samples take, at least one.
    pub fn total_steps(&self, samples: usize) -> u64 {
        let steps = self.epochs * samples as f64 / self.batch_size as f64;
        (steps as u64).max(1)
    }

    /// Checks what the types cannot: ranges, and that the parts fit one another. Reading a recipe has done it; do it again
    /// after changing one.
    ///
    /// # Errors
    /// [`RecipeError::Value`] with the key at fault.
    pub fn check(&self) -> Result<(), RecipeError> {
        let refuse =
            |key: &'static str, value: String, must: &'static str| Err(RecipeError::Value { key, value, must });
        if !(self.epochs.is_finite() && self.epochs > 0.0) {
            return refuse("epochs", self.epochs.to_string(), "a positive number");
        }
        if self.batch_size < 2 {
            return refuse(
                "batch_size",
                self.batch_size.to_string(),
                "at least 2: a contrastive loss compares samples",
            );
        }
        if self.views.size != self.image.image_size {
            return refuse("views.size", self.views.size.to_string(), "equal to image.image_size");
        }
        self.views.check()?;
        self.optimizer.check()?;
        self.method.check(self.views.strong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quickstart_recipe_is_valid_and_survives_a_round_trip() {
        let recipe = Recipe::quickstart();
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    }

    #[test]
    fn a_misspelt_key_is_named_wherever_it_stands() {
        let text = Recipe::quickstart().to_toml().unwrap();
        for (key, misspelt) in [
            ("batch_size", "batchsize"),
            ("image_size", "imagesize"),
            ("weight_decay", "weigth_decay"),
            ("embed_dim", "embed"),
            ("label_smoothing", "smoothing"),
            ("peak", "lr_max"),
            ("strong", "strongs"),
        ] {
            let wrong = text.replacen(&format!("\n{key} ="), &format!("\n{misspelt} ="), 1);
            assert_ne!(wrong, text, "{key} is not in the recipe");
            let error = Recipe::from_toml(&wrong).unwrap_err().to_string();
            assert!(error.contains(misspelt), "{misspelt}: {error}");
        }
    }

    #[test]
    fn impossible_values_are_refused_with_the_key() {
        let mut recipe = Recipe::quickstart();
        recipe.epochs = 0.0;
        assert!(recipe.check().unwrap_err().to_string().contains("epochs"));
        let mut recipe = Recipe::quickstart();
        recipe.batch_size = 1;
        assert!(recipe.check().unwrap_err().to_string().contains("batch_size"));
        let mut recipe = Recipe::quickstart();
        recipe.views.size = 48;
        assert!(recipe.check().unwrap_err().to_string().contains("views.size"));
        let mut recipe = Recipe::quickstart();
        recipe.views.strong = 0;
        assert!(recipe.check().unwrap_err().to_string().contains("views.strong"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Recipe::from_path("no/such/recipe.toml").unwrap_err().to_string();
        assert!(error.contains("no/such/recipe.toml"), "{error}");
    }
}
