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
    /// Tells what is in data, and what a reader leaves out of it
    Inspect(inspect::Args),
    /// Packs pictures with all their captions into WebDataset tar shards
    Pack(pack::Args),
    /// Counts the samples of tar shards, into a file that WebDataset reads
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
