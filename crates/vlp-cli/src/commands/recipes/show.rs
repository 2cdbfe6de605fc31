//! `vlp recipes show`: a recipe in full.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
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
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        let recipe = self.recipe.open()?;
        let toml = recipe.to_toml().asked()?;
        screen.show(&Full { recipe, toml })
    }
}

struct Full {
    recipe: Recipe,
    toml: String,
}

impl Serialize for Full {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.recipe.serialize(serializer)
    }
}

impl Answer for Full {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.toml.as_bytes())
    }
}
