//! A training run as data: everything that decides its result, in one TOML file that refuses unknown keys.

mod augment;
mod encoders;
mod error;
mod layers;
mod optimizer;
mod schedule;
mod views;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vlp_augment::CaptionSampling;
use vlp_core::Precision;
use vlp_data::{LoaderConfig, Views};
use vlp_encoders::{AnyImageEncoderConfig, TextTransformerConfig};
use vlp_methods::AnyMethodConfig;

pub use augment::AugmentRecipe;
pub use error::RecipeError;
pub use optimizer::OptimizerRecipe;
pub use schedule::{ScheduleKind, ScheduleRecipe};
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
    /// What the encoders' layers compute in; parameters, optimizer, heads and losses are f32 in either case.
    #[serde(default, skip_serializing_if = "encoders::is_f32")]
    pub precision: Precision,
    /// Metadata field whose values occur at most once in a batch, so that no two rows describe the same thing.
    #[serde(default)]
    pub distinct_by: Option<String>,
    /// Whether the views of a picture with several captions share one (`"single"`) or each draw their own (`"multi"`).
    #[serde(default)]
    pub caption_sampling: CaptionSampling,
    /// How samples are augmented.
    pub views: ViewsRecipe,
    /// The same in full; each of its parts takes the place of what `views` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<AugmentRecipe>,
    /// Image encoder; the key `kind` names it.
    pub image: AnyImageEncoderConfig,
    /// Text encoder.
    pub text: TextTransformerConfig,
    /// What is optimised.
    pub method: AnyMethodConfig,
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

    /// The quickstart with another method, whose heads are as small as the quickstart's encoders.
    ///
    /// # Errors
    /// When no method has this name.
    pub fn quickstart_with(name: &str) -> Result<Self, RecipeError> {
        let known = include_str!("../recipes/quickstart_methods.toml");
        // The file is part of this crate and a test reads every entry.
        let mut methods: BTreeMap<String, AnyMethodConfig> =
            toml::from_str(known).expect("recipes/quickstart_methods.toml is valid");
        let recipe = Self::quickstart();
        match methods.remove(name) {
            Some(method) => Ok(recipe.with(method)),
            None => recipe.with_method(name),
        }
    }

    /// The same run with another method: what both have in common is kept, the number of strong views becomes the nearest
    /// that the other can work with.
    ///
    /// # Errors
    /// When no method has this name.
    pub fn with_method(self, name: &str) -> Result<Self, RecipeError> {
        let method = self.method.renamed(name)?;
        Ok(self.with(method))
    }

    fn with(mut self, method: AnyMethodConfig) -> Self {
        self.views.strong = method.strong_views().nearest(self.views.strong);
        Recipe { method, ..self }
    }

    /// Reads a recipe from TOML.
    ///
    /// # Errors
    /// When it is no TOML, a key is missing or unknown, or a value is out of range; the message names line and key.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| layers::parse(&error.to_string()))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Reads a recipe from a file. Its key `extends` may name the file of another recipe, from the same folder on, whose keys
    /// hold where this file is silent; a table that chooses another `name` or `kind` keeps nothing of the one below.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml), and when a file cannot be read or extends itself.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, RecipeError> {
        let path = path.as_ref();
        let recipe = layers::read(path)?;
        recipe.check().map_err(|error| error.in_file(path))?;
        Ok(recipe)
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

    /// What the recipe says about batches; workers, ranks and the like are as in [`LoaderConfig::new`].
    pub fn loader_config(&self) -> LoaderConfig {
        LoaderConfig {
            distinct_by: self.distinct_by.clone(),
            captions: self.caption_sampling,
            ..LoaderConfig::new(self.batch_size, self.seed)
        }
    }

    /// The transforms of all views, as a loader takes them.
    ///
    /// # Errors
    /// When a dictionary of synonyms is missing or damaged.
    pub fn build_views(&self) -> Result<Views, RecipeError> {
        match &self.augment {
            Some(augment) => self.views.build(augment),
            None => self.views.build(&AugmentRecipe::default()),
        }
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
        if let Some(size) = self.image.image_size() {
            if self.views.size != size {
                return refuse("views.size", self.views.size.to_string(), "equal to image.image_size");
            }
            if let Some(strong) = self.views.strong_size.filter(|strong| *strong != size) {
                let must = "left out or equal to image.image_size: this encoder takes one size";
                return refuse("views.strong_size", strong.to_string(), must);
            }
            let reads_local = self.views.local > 0 && self.method.reads_local_crops();
            if reads_local && self.views.local_size != size {
                let must = "equal to image.image_size, or image.dynamic_size true: this encoder takes one size";
                return refuse("views.local_size", self.views.local_size.to_string(), must);
            }
        }
        self.views.check()?;
        if let Some(augment) = &self.augment {
            self.views.check_beside(augment)?;
            augment.check(&self.views)?;
        }
        self.schedule.check()?;
        self.optimizer.check()?;
        Ok(self.method.check(self.views.strong)?)
    }
}

#[cfg(test)]
mod tests;
