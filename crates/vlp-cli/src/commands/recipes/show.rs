//! `vlp recipes show`: a recipe in full.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;
use vlp::recipe::Recipe;

use crate::failure::{Blame, Failure};
use crate::recipe_arg::RecipeArg;
use crate::screen::{Answer, Screen};

/// Prints a recipe as a run takes it: what it extends, what it leaves out and what is set on top of it, in one file that is a recipe
/// itself. Behind a key stands the file that it comes from; one without has the value that holds where nothing is said.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: RecipeArg,
}

impl Args {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        let recipe = self.recipe.open::<M, I>()?;
        let mut origins = BTreeMap::new();
        // What a command line changes comes from no file.
        if self.recipe.changes.is_empty() {
            let files = Recipe::<M, I>::origins(&self.recipe.recipe).asked()?;
            origins.extend(files.into_iter().map(|(key, file)| (key, file.display().to_string())));
        }
        let toml = annotated(&recipe.to_toml().asked()?, &origins);
        screen.show(&Full { recipe, origins, toml })
    }
}

#[derive(Serialize)]
#[serde(bound = "")]
struct Full<M: MethodConfig, I: ImageEncoderConfig> {
    recipe: Recipe<M, I>,
    /// The file that a key comes from.
    origins: BTreeMap<String, String>,
    /// Both for people.
    #[serde(skip)]
    toml: String,
}

impl<M: MethodConfig, I: ImageEncoderConfig> Answer for Full<M, I> {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.toml.as_bytes())
    }
}

/// The text with the file that a key comes from behind it.
fn annotated(toml: &str, origins: &BTreeMap<String, String>) -> String {
    let (mut text, mut table) = (String::new(), String::new());
    for line in toml.lines() {
        if line.starts_with('[') {
            table = format!("{}.", line.trim_matches(['[', ']']));
        }
        let key = line.split_once(" = ").map(|(key, _)| format!("{table}{key}"));
        // A list of tables is one key.
        let said = key.and_then(|key| {
            let above = key.match_indices('.').map(|(at, _)| &key[..at]);
            std::iter::once(&key[..]).chain(above).find_map(|key| origins.get(key).cloned())
        });
        text += line;
        text += &said.map_or_else(String::new, |file| format!("  # {file}"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tables_and_of_lists_of_tables_bear_their_file() {
        let origins = [("epochs", "a.toml"), ("data.train", "b.toml"), ("optimizer.beta_1", "c.toml")];
        let origins = origins.map(|(key, file)| (key.to_owned(), file.to_owned())).into();
        let toml = "epochs = 3.0\n\n[[data.train]]\nsource = \"x.tar\"\n\n[optimizer]\nbeta_1 = 0.9\nbeta_2 = 0.98\n";
        let lines = "epochs = 3.0  # a.toml\n\n[[data.train]]\nsource = \"x.tar\"  # b.toml\n\n[optimizer]\nbeta_1 = 0.9  # c.toml\nbeta_2 = 0.98\n";
        assert_eq!(annotated(toml, &origins), lines);
    }
}
