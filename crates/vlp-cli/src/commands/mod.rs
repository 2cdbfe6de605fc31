//! One file a command.

mod classify;
mod completions;
mod convert;
mod data;
mod device;
mod embed;
mod eval;
mod plot;
mod recipes;
mod search;
mod train;

use clap::{Parser, Subcommand};
use vlp::encoders::ImageEncoderConfig;
use vlp::methods::MethodConfig;

use crate::failure::Failure;
use crate::screen::Screen;

/// Vision-language pre-training: train, look at, use and convert models of pictures and texts.
#[derive(Parser, Debug)]
#[command(version, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// One JSON document instead of text, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Train(Box<train::Args>),
    Eval(eval::Args),
    Embed(embed::Args),
    Classify(classify::Args),
    Search(search::Args),
    Convert(convert::Args),
    /// Looks into data, packs and counts it
    #[command(subcommand)]
    Data(data::Data),
    /// Lists, shows and compares recipes
    #[command(subcommand)]
    Recipes(recipes::Recipes),
    Device(device::Args),
    /// Draws schedules of a recipe and curves of runs as PNG
    #[command(subcommand)]
    Plot(plot::Plot),
    Completions(completions::Args),
}

impl Command {
    /// Does it. `program` describes the command line.
    pub(crate) fn run<M: MethodConfig, I: ImageEncoderConfig>(
        self,
        program: clap::Command,
        screen: Screen,
    ) -> Result<(), Failure> {
        match self {
            Command::Train(args) => args.run::<M, I>(screen),
            Command::Eval(args) => args.run::<M, I>(screen),
            Command::Embed(args) => args.run::<M, I>(screen),
            Command::Classify(args) => args.run::<M, I>(screen),
            Command::Search(args) => args.run::<M, I>(screen),
            Command::Convert(args) => args.run(screen),
            Command::Data(data) => data.run(screen),
            Command::Recipes(recipes) => recipes.run::<M, I>(screen),
            Command::Device(args) => args.run(screen),
            Command::Plot(plot) => plot.run::<M, I>(screen),
            Command::Completions(args) => args.run(program),
        }
    }
}
