//! `vlp data`: what lies on the disk before any training.

mod index;
mod manifest;
mod pack;
mod shard;

use clap::Subcommand;

use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Subcommand, Debug)]
pub(crate) enum Data {
    /// Packs pictures with all their captions into WebDataset tar shards
    Pack(pack::Args),
    /// Counts the samples of tar shards, into a file that WebDataset reads
    Index(index::Args),
}

impl Data {
    pub(crate) fn run(self, screen: Screen) -> Result<(), Failure> {
        match self {
            Data::Pack(args) => args.run(screen),
            Data::Index(args) => args.run(screen),
        }
    }
}
