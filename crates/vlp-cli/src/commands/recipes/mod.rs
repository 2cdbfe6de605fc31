//! `vlp recipes`: runs as data.

mod diff;
mod keys;
mod list;
mod show;

use clap::Subcommand;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;

use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Subcommand, Debug)]
pub(crate) enum Recipes {
    /// Lists the recipes that are built in
    List,
    Show(show::Args),
    Diff(diff::Args),
}

impl Recipes {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        match self {
            Recipes::List => list::run(screen),
            Recipes::Show(args) => args.run::<M, I>(screen),
            Recipes::Diff(args) => args.run::<M, I>(screen),
        }
    }
}
