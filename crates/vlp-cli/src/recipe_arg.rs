//! The arguments that name a recipe.

use std::any::Any;
use std::path::Path;

use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::recipe::Recipe;

use crate::failure::{Blame, Failure};

/// A recipe, and what is changed in it.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct RecipeArg {
    /// A recipe's file, or the name of one that is built in: `vlp recipes list`
    pub(crate) recipe: String,
    #[command(flatten)]
    pub(crate) changes: Changes,
}

/// What is changed in a recipe.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Changes {
    /// Another method, with what both have in common kept: clip, clip-rocket, slip, siamlip, byolip, barlip, swalip, swalip-v1,
    /// nclip, xclip, siglip
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Sets a key of the recipe, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

impl RecipeArg {
    /// The recipe with its changes.
    pub(crate) fn open<M: MethodConfig, I: ImageEncoderConfig>(&self) -> Result<Recipe<M, I>, Failure> {
        self.changes.open(&self.recipe)
    }

    /// How runs of it are called.
    pub(crate) fn name(&self) -> String {
        name(&self.recipe)
    }
}

impl Changes {
    /// The recipe of this name or file with these changes.
    pub(crate) fn open<M: MethodConfig, I: ImageEncoderConfig>(&self, name: &str) -> Result<Recipe<M, I>, Failure> {
        let recipe: Recipe<M, I> = open(name)?;
        let recipe = match &self.method {
            Some(method) => with_method(recipe, method, name)?,
            None => recipe,
        };
        recipe.set(&self.settings).asked()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.method.is_none() && self.settings.is_empty()
    }
}

/// The recipe of a file, or a built-in one.
pub(crate) fn open<M: MethodConfig, I: ImageEncoderConfig>(name: &str) -> Result<Recipe<M, I>, Failure> {
    Recipe::open_as(name).asked()
}

/// The name of a built-in recipe, or that of a file without folder and ending.
pub(crate) fn name(recipe: &str) -> String {
    match Path::new(recipe).file_stem() {
        Some(stem) if recipe.ends_with(".toml") => stem.to_string_lossy().into_owned(),
        _ => recipe.to_owned(),
    }
}

fn with_method<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: Recipe<M, I>,
    method: &str,
    name: &str,
) -> Result<Recipe<M, I>, Failure> {
    let any: Box<dyn Any> = Box::new(recipe);
    let recipe: Recipe = *any.downcast().map_err(|_| {
        Failure::asked(
            "--method chooses among the methods of the library: this program has its own, --set method.name=… sets it",
        )
    })?;
    let changed = match name {
        // Heads as small as its encoders.
        "quickstart" => Recipe::quickstart_with(method),
        _ => recipe.with_method(method),
    };
    let any: Box<dyn Any> = Box::new(changed.asked()?);
    // The types are the same, as the first cast has shown.
    any.downcast().map(|recipe| *recipe).map_err(|_| Failure::failed("the recipe changed its type"))
}
