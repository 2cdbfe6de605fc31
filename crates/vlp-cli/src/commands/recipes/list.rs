//! `vlp recipes list`: what is built in.

use std::io::{self, Write};

use serde::Serialize;
use vlp::recipe::Recipe;

use super::keys::Keys;
use crate::failure::{Blame, Failure};
use crate::screen::{Answer, Screen};
use crate::table::Table;

pub(crate) fn run(screen: Screen) -> Result<(), Failure> {
    let built_in = |name: &'static str| {
        let recipe: Recipe = Recipe::builtin(name).failed()?;
        let keys = Keys::of(&recipe)?;
        Ok(BuiltIn {
            name,
            method: recipe.method.name(),
            image: keys.text("image.kind"),
            size: recipe.views.size,
            batch_size: recipe.batch_size,
            epochs: recipe.epochs,
        })
    };
    let recipes = Recipe::builtin_names().map(built_in).collect::<Result<_, Failure>>()?;
    screen.show(&List { recipes })
}

#[derive(Serialize)]
struct List {
    recipes: Vec<BuiltIn>,
}

#[derive(Serialize)]
struct BuiltIn {
    name: &'static str,
    method: &'static str,
    image: String,
    /// Side of its pictures, in pixels.
    size: usize,
    batch_size: usize,
    epochs: f64,
}

impl Answer for List {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new(&["recipe", "method", "image", "pixels>", "batch>", "epochs>"]);
        for BuiltIn { name, method, image, size, batch_size, epochs } in &self.recipes {
            let numbers = [size.to_string(), batch_size.to_string(), epochs.to_string()];
            table.row([(*name).to_owned(), (*method).to_owned(), image.clone()].into_iter().chain(numbers));
        }
        table.write(out)
    }
}
