//! `vlp data`: what lies on the disk before any training.

mod index;
mod inspect;
mod manifest;
mod pack;
mod shard;
mod sheet;

use clap::Subcommand;

use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Subcommand, Debug)]
pub(crate) enum Data {
    Inspect(inspect::Args),
    Pack(pack::Args),
    Index(index::Args),
}

impl Data {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        match self {
            Data::Inspect(args) => args.run(screen),
            Data::Pack(args) => args.run(screen),
            Data::Index(args) => args.run(screen),
        }
    }
}
