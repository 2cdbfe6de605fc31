//! `vlp plot`: curves as PNG.

mod metrics;
mod runs;
mod schedule;

use clap::Subcommand;
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;

use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Subcommand, Debug)]
pub(crate) enum Plot {
    Schedule(schedule::Args),
    Runs(runs::Args),
}

impl Plot {
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(self, screen: Screen) -> Result<(), Failure> {
        match self {
            Plot::Schedule(args) => args.run::<M, I>(screen),
            Plot::Runs(args) => args.run(screen),
        }
    }
}
