//! A training run as data: everything that decides its result, in one TOML file that refuses unknown keys.

mod augment;
mod builtin;
mod check;
mod checkpoint;
mod data;
mod encoders;
mod error;
mod eval;
mod init;
mod layers;
mod normalization;
mod optimizer;
mod schedule;
mod tokenizer;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vlp_augment::CaptionSampling;
use vlp_core::Precision;
use vlp_data::{LoaderConfig, Views};
use vlp_encoders::{AnyImageEncoderConfig, ImageEncoderConfig, TextTransformerConfig};
use vlp_methods::{AnyMethodConfig, MethodConfig};

pub use augment::AugmentRecipe;
pub use checkpoint::{CheckpointRecipe, LogRecipe};
pub use data::{DataRecipe, SourceRecipe, ValidationRecipe};
pub use error::RecipeError;
pub use eval::{EvalRecipe, EvalSetRecipe, KnnRecipe, ZeroShotRecipe};
pub use init::{EmaRecipe, InitRecipe, LayerDecayRecipe, LockRecipe, LoraRecipe};
pub use normalization::{ChannelStatistics, NormalizationRecipe};
pub use optimizer::OptimizerRecipe;
pub use schedule::{ScheduleKind, ScheduleRecipe};
pub use tokenizer::TokenizerRecipe;
pub use views::{TextAugmentation, ViewsRecipe};

/// A run as data: its samples, its model, how that is trained and what it is measured by. The device is not part of it.
///
/// `M` describes the method and `I` the image encoder; what is written `Recipe` names those of this library.
///
/// ```
/// use vlp::recipe::Recipe;
///
/// let recipe = Recipe::quickstart();
/// assert_eq!(recipe.method.name(), "clip-rocket");
/// assert_eq!(Recipe::from_toml(&recipe.to_toml()?)?, recipe);
/// # Ok::<(), vlp::recipe::RecipeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe<M = AnyMethodConfig, I = AnyImageEncoderConfig> {
    /// Seed of initial weights, order, augmentation and dropout.
    pub seed: u64,
    /// Passes over the training samples; 0 where `steps` counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epochs: f64,
    /// Steps of the run, in place of `epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Samples of one step.
    pub batch_size: usize,
    /// What the encoders' layers compute in; parameters, optimizer, heads and losses are f32 in either case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Metadata field whose values occur at most once in a batch, so that no two rows describe the same thing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub distinct_by: Option<String>,
    /// Whether the views of a picture with several captions share one (`"single"`) or each draw their own (`"multi"`).
    #[serde(default)]
    pub caption_sampling: CaptionSampling,
    /// What turns captions into ids.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tokenizer: TokenizerRecipe,
    /// The statistics that pictures are normalised by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub normalization: NormalizationRecipe,
    /// What is trained on, and what is held out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: DataRecipe,
    /// How samples are augmented.
    pub views: ViewsRecipe,
    /// The same in full; each of its parts takes the place of what `views` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<AugmentRecipe>,
    /// Image encoder; the key `kind` names it.
    pub image: I,
    /// Text encoder.
    pub text: TextTransformerConfig,
    /// What is optimised.
    pub method: M,
    /// Where the first parameters come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitRecipe>,
    /// Which parts of the encoders do not learn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockRecipe>,
    /// Low-rank adapters in the encoders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraRecipe>,
    /// Learning rates that fall with depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<LayerDecayRecipe>,
    /// A moving average of the parameters, for evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaRecipe>,
    /// How parameters move.
    pub optimizer: OptimizerRecipe,
    /// How fast they move at each step.
    pub schedule: ScheduleRecipe,
    /// What the run is measured by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub eval: EvalRecipe,
    /// When it saves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checkpoint: CheckpointRecipe,
    /// What it writes down.
    #[serde(default, skip_serializing_if = "is_default")]
    pub log: LogRecipe,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Recipe {
    /// The names of the recipes that are part of this library.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin::BUILTIN.iter().map(|(name, _)| *name)
    }

    /// The text of the recipe of this name.
    ///
    /// # Errors
    /// When none has it; the message names the nearest.
    pub fn builtin_text(name: &str) -> Result<&'static str, RecipeError> {
        builtin::text(name).ok_or_else(|| RecipeError::unknown_name(name))
    }

    /// The recipe of this name, one of those that are part of this library.
    ///
    /// ```
    /// let recipe = vlp::recipe::Recipe::builtin("clip-vitb16-cc3m")?;
    /// assert_eq!((recipe.method.name(), recipe.epochs), ("clip", 40.0));
    /// # Ok::<(), vlp::recipe::RecipeError>(())
    /// ```
    ///
    /// # Errors
    /// When none has it; the message names the nearest.
    pub fn builtin(name: &str) -> Result<Self, RecipeError> {
        Self::builtin_text(name)?;
        layers::builtin(name)
    }

    /// The recipe in a file, or the one of this library that has this name where there is no such file.
    ///
    /// # Errors
    /// As [`from_path`](Self::from_path) and [`builtin`](Self::builtin).
    pub fn open(path_or_name: impl AsRef<Path>) -> Result<Self, RecipeError> {
        Self::open_as(path_or_name)
    }

    /// The recipe of the quickstart example: a small CLIP-rocket that learns 4,850 emoji on two CPU cores in minutes.
    pub fn quickstart() -> Self {
        // The file is part of this crate and a test reads it.
        Self::builtin("quickstart").expect("recipes/quickstart.toml is valid")
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

    /// Reads a recipe from TOML; paths in it are relative to the current directory.
    ///
    /// # Errors
    /// When it is no TOML, a key is missing or unknown, or a value is out of range; the message names line and key.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        Self::parse_as(text)
    }

    /// Reads a recipe from a file. Paths in it are relative to the file's folder. Its key `extends` may name another recipe, a file
    /// from the same folder on or one of this library, whose keys hold where this file is silent; a table that chooses
    /// another `name` or `kind` keeps nothing of the one below.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml), and when a file cannot be read or extends itself.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, RecipeError> {
        Self::read_as(path.as_ref())
    }
}

impl<M: MethodConfig, I: ImageEncoderConfig> Recipe<M, I> {
    /// [`from_toml`](Recipe::from_toml) for a method or an image encoder of your own.
    ///
    /// # Errors
    /// As there.
    pub fn parse_as(text: &str) -> Result<Self, RecipeError> {
        let recipe: Self = layers::from_text(text)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// [`open`](Recipe::open) for a method or an image encoder of your own.
    ///
    /// # Errors
    /// As there.
    pub fn open_as(path_or_name: impl AsRef<Path>) -> Result<Self, RecipeError> {
        let path = path_or_name.as_ref();
        match path.to_str() {
            Some(name) if !path.exists() && builtin::text(name).is_some() => layers::builtin(name),
            Some(name) if !path.exists() && !name.contains(['/', '\\', '.']) => Err(RecipeError::unknown_name(name)),
            _ => Self::read_as(path),
        }
    }

    /// The file that each key of the recipe in a file, or of the one of this library that has this name, comes from: `epochs`,
    /// `optimizer.weight_decay`. A key without one has the value that holds where nothing is said.
    ///
    /// # Errors
    /// As [`open_as`](Self::open_as).
    pub fn origins(path_or_name: &str) -> Result<BTreeMap<String, PathBuf>, RecipeError> {
        layers::origins::<M, I>(path_or_name)
    }

    fn read_as(path: &Path) -> Result<Self, RecipeError> {
        let recipe: Self = layers::read(path)?;
        recipe.check().map_err(|error| error.in_file(path))?;
        Ok(recipe)
    }

    /// The same run on other samples: one source, of which a tenth is held out for the evaluation. Sets of the recipe that belong to
    /// other data are left out, and so is `distinct_by` where it names a field of theirs: `picture` and `caption` stay, which all samples have.
    pub fn with_data(self, source: impl Into<String>) -> Self {
        let validation = Some(ValidationRecipe { source: None, share: Some(0.1) });
        let data = DataRecipe { train: vec![SourceRecipe::new(source)], validation };
        let distinct_by = self.distinct_by.filter(|field| field == "picture" || field == "caption");
        Recipe { data, distinct_by, eval: EvalRecipe { sets: Vec::new(), ..self.eval }, ..self }
    }

    /// The recipe as TOML.
    ///
    /// # Errors
    /// When a value has no form in TOML (an integer above 2^63).
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string(self).map_err(|error| RecipeError::Parse { message: error.to_string() })
    }

    /// Steps of a run over `samples` samples: `steps`, or those that `epochs` passes take, at least one.
    pub fn total_steps(&self, samples: usize) -> u64 {
        let steps = self.epochs * samples as f64 / self.batch_size as f64;
        self.steps.unwrap_or((steps as u64).max(1))
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
}

#[cfg(test)]
mod tests;
