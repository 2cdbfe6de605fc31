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
mod tests {
    use super::*;

    #[test]
    fn the_quickstart_recipe_is_valid_and_survives_a_round_trip() {
        let recipe = Recipe::quickstart();
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    }

    #[test]
    fn the_quickstart_is_valid_with_every_method() {
        for name in AnyMethodConfig::NAMES {
            let recipe = Recipe::quickstart_with(name).unwrap();
            assert_eq!(recipe.method.name(), name);
            recipe.check().unwrap();
            assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
            let renamed = Recipe::quickstart().with_method(name).unwrap();
            renamed.check().unwrap();
        }
        let error = Recipe::quickstart_with("clap").unwrap_err().to_string();
        assert!(error.contains("`clap`") && error.contains("swalip-v1"), "{error}");
    }

    #[test]
    fn the_number_of_strong_views_must_fit_the_method() {
        for (name, strong, said) in [
            ("clip", 1, "reads the weak view only"),
            ("siglip", 2, "reads the weak view only"),
            ("clip-rocket", 0, "would learn nothing"),
            ("barlip", 0, "would learn nothing"),
            ("swalip", 1, "opposite views"),
            ("swalip", 3, "exactly"),
            ("slip", 0, "two views of the picture"),
        ] {
            let mut recipe = Recipe::quickstart_with(name).unwrap();
            recipe.views.strong = strong;
            let error = recipe.check().unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("views.strong"), "{error}");
            assert!(error.contains(said), "{name} with {strong}: {error}");
        }
    }

    #[test]
    fn a_method_with_keys_of_another_is_refused() {
        let text = Recipe::quickstart().to_toml().unwrap();
        let error = Recipe::from_toml(&text.replace("\"clip-rocket\"", "\"siamlip\"")).unwrap_err().to_string();
        assert!(error.contains("embed_dim"), "{error}");
        let mut recipe = Recipe::quickstart_with("swalip").unwrap();
        if let AnyMethodConfig::SwaLip(swalip) = &mut recipe.method {
            swalip.rocket.loss.label_smoothing = 0.1;
        }
        let error = recipe.check().unwrap_err().to_string();
        assert!(error.contains("label smoothing 0.1"), "{error}");
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

    /// The quickstart with its views as far as `[augment]` does not take their place, and that.
    fn with_augment(augment: &str) -> Result<Recipe, RecipeError> {
        let mut recipe = Recipe::quickstart();
        recipe.views = ViewsRecipe { size: 32, strong: 1, ..ViewsRecipe::default() };
        Recipe::from_toml(&format!("{}\n{augment}", recipe.to_toml().unwrap()))
    }

    #[test]
    fn augmentation_as_data_is_read_and_survives_a_round_trip() {
        let recipe = with_augment(
            r#"
            [augment]
            weak = "clip-rocket/weak"
            weak_text = "clip-rocket/weak"
            strong_text = "clip-rocket/strong"
            clean_captions = true
            [[augment.strong]]
            op = "random-resized-crop"
            scale = [0.3, 1.0]
            [[augment.strong]]
            op = "color-jitter"
            p = 0.8
            brightness = 0.4
            "#,
        )
        .unwrap();
        assert_eq!(recipe.build_views().unwrap().strong_count(), 1);
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
    }

    /// Each TOML block of the page, in the recipe of the quickstart.
    #[test]
    fn the_examples_of_the_page_are_read() {
        let page = include_str!("../docs/augment.md");
        let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            if block.starts_with("[schedule]") {
                let recipe = include_str!("../recipes/quickstart.toml").split("[schedule]").next().unwrap().to_owned();
                Recipe::from_toml(&(recipe + block)).unwrap().schedule.over(100).unwrap();
            } else {
                with_augment(block).unwrap().build_views().unwrap();
            }
        }
    }

    /// Each TOML block of the methods' pages, in the place of the quickstart's `[method]`.
    #[test]
    fn the_examples_of_the_methods_pages_are_read() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/methods");
        let (before, after) = include_str!("../recipes/quickstart.toml").split_once("[method]").unwrap();
        let after = &after[after.find("[optimizer]").unwrap()..];
        for name in AnyMethodConfig::NAMES {
            let page = std::fs::read_to_string(pages.join(name.replace('-', "_")).with_extension("md")).unwrap();
            let block = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
            let strong = AnyMethodConfig::named(name).unwrap().strong_views().nearest(1);
            let text = format!("{before}{block}{after}").replace("\nstrong = 1", &format!("\nstrong = {strong}"));
            let method = Recipe::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}")).method;
            assert_eq!(method.name(), name);
        }
    }

    #[test]
    fn augmentation_that_cannot_work_is_refused() {
        for (augment, expected) in [
            ("[augment]\nweak = \"clip-rockt/weak\"", "did you mean `clip-rocket/weak`?"),
            ("[[augment.strong]]\nop = \"greyscale\"", "did you mean `grayscale`?"),
            ("[[augment.strong]]\nop = \"grayscale\"", "7 x 5 pixels"),
            ("[[augment.strong]]\nop = \"random-resized-crop\"\np = 0.5", "7 x 5 pixels"),
            ("[augment]\nstong = \"simclr\"", "stong"),
        ] {
            let error = with_augment(augment).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let recipe = with_augment("[augment]\nwordnet = \"no/such/folder\"\nweak_text = \"eda\"").unwrap();
        let error = recipe.build_views().unwrap_err().to_string();
        assert!(error.contains("no/such/folder"), "{error}");
    }

    /// Beside a whole pipeline too, which says what is done and not where.
    #[test]
    fn colours_are_changed_where_the_recipe_says() {
        use vlp_data::PhotometricStage::{Device, Host};
        assert_eq!(Recipe::quickstart().views.photometric, Host);
        let text = include_str!("../recipes/quickstart.toml");
        let read =
            |place: &str| Recipe::from_toml(&text.replace("[views]", &format!("[views]\nphotometric = \"{place}\"")));
        let recipe = read("device").unwrap();
        assert_eq!(recipe.views.photometric, Device);
        assert_eq!(Recipe::from_toml(&recipe.to_toml().unwrap()).unwrap(), recipe);
        assert!(read("gpu").unwrap_err().to_string().contains("gpu"));
        let mut recipe = with_augment("[augment]\nstrong = \"simclr\"").unwrap();
        recipe.views.photometric = Device;
        recipe.check().unwrap();
    }

    #[test]
    fn keys_that_would_have_no_effect_are_refused() {
        let mut recipe = with_augment("[augment]\nstrong = \"simclr\"").unwrap();
        recipe.views.jitter = 0.3;
        let error = recipe.check().unwrap_err().to_string();
        assert!(error.contains("jitter"), "{error}");
        recipe.augment = None;
        recipe.check().unwrap();
    }

    #[test]
    fn schedules_are_chosen_by_name() {
        use vlp_schedulers::Schedule;
        let read = |keys: &str| {
            let text = include_str!("../recipes/quickstart.toml");
            Recipe::from_toml(&text.replace("[schedule]", &format!("[schedule]\n{keys}")))
        };
        let at = |keys: &str, step| read(keys).unwrap().schedule.over(100).unwrap().at(step);
        assert_eq!(at("", 0), 1e-6);
        assert_eq!(at("kind = \"cosine\"", 7), 1.5e-3);
        assert_eq!(at("kind = \"constant\"", 99), 1.5e-3);
        let cooled = at("kind = \"constant-cooldown\"\ncooldown = 0.5", 75);
        assert!((cooled - (1e-5 + 0.5 * (1.5e-3 - 1e-5))).abs() < 1e-12, "{cooled}");
        for keys in ["kind = \"cosin\"", "kind = \"constant-cooldown\"", "cooldown = 0.2", "power = 2.0"] {
            let error = read(keys).unwrap_err().to_string();
            assert!(error.contains(if keys.contains("cosin\"") { "cosin" } else { "schedule." }), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Recipe::from_path("no/such/recipe.toml").unwrap_err().to_string();
        assert!(error.contains("no/such/recipe.toml"), "{error}");
    }
}
