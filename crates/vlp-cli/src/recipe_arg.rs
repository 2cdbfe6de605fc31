//! The arguments that name a recipe.

use std::path::Path;

use vlp::recipe::Recipe;

use crate::failure::{Blame, Failure};

/// A recipe, and what is changed in it.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct RecipeArg {
    /// A recipe's file, or the name of one that is built in: `vlp recipes list`
    recipe: String,
    /// Sets a key of it, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl RecipeArg {
    /// The recipe with its settings.
    pub(crate) fn open(&self) -> Result<Recipe, Failure> {
        open(&self.recipe)?.set(&self.settings).asked()
    }

    /// How runs of it are called.
    pub(crate) fn name(&self) -> String {
        name(&self.recipe)
    }
}

/// The recipe of a file, or a built-in one.
pub(crate) fn open(recipe: &str) -> Result<Recipe, Failure> {
    Recipe::open(recipe).asked()
}

/// The name of a built-in recipe, or that of a file without folder and ending.
pub(crate) fn name(recipe: &str) -> String {
    match Path::new(recipe).file_stem() {
        Some(stem) if recipe.ends_with(".toml") => stem.to_string_lossy().into_owned(),
        _ => recipe.to_owned(),
    }
}
