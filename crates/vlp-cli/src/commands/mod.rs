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
    /// Trains what a recipe describes; continues runs, branches off them
    Train(Box<train::Args>),
    /// Measures what a run or any model knows
    Eval(eval::Args),
    /// Pictures or texts into a matrix of vectors
    Embed(embed::Args),
    /// Pictures among classes given by name
    Classify(classify::Args),
    /// Pictures that are like a text or a picture, by an index that is kept
    Search(search::Args),
    /// Models between open_clip, Hugging Face and timm, and runs to any of them
    Convert(convert::Args),
    /// Looks into data, packs and counts it
    #[command(subcommand)]
    Data(data::Data),
    /// Lists, shows and compares recipes
    #[command(subcommand)]
    Recipes(recipes::Recipes),
    /// Shows where this program can compute
    Device(device::Args),
    /// Draws schedules of a recipe and curves of runs as PNG
    #[command(subcommand)]
    Plot(plot::Plot),
    /// Prints the words of this program for a shell to complete
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
