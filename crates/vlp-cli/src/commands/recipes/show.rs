//! `vlp recipes show`: a recipe in full.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::recipe::Recipe;

use crate::failure::{Blame, Failure};
use crate::recipe_arg::RecipeArg;
use crate::screen::{Answer, Screen};

/// Prints a recipe as a run takes it: what it extends, what it leaves out and what is set on top of it, in one file that is a recipe itself.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: RecipeArg,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let recipe = self.recipe.open::<M, I>()?;
        let toml = recipe.to_toml().asked()?;
        screen.show(&Full { recipe, toml })
    }
}

struct Full<M, I> {
    recipe: Recipe<M, I>,
    toml: String,
}

impl<M: MethodConfig, I: ImageEncoderConfig> Serialize for Full<M, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.recipe.serialize(serializer)
    }
}

impl<M: MethodConfig, I: ImageEncoderConfig> Answer for Full<M, I> {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.toml.as_bytes())
    }
}
