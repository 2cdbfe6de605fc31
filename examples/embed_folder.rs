//! A folder of pictures into one matrix of embeddings, a row a picture, and a list of their names.
//!
//! ```text
//! cargo run --release --example embed_folder -- --weights ViT-B-32 photos/ --out photos.npy
//! cargo run --release --example embed_folder -- --weights ViT-B-32 photos/ --out photos.npy --resume    # after it was cut off
//! python -c 'import numpy; print(numpy.load("photos.npy").shape); print(open("photos.txt").readline())'
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use vlp::pretrained::{EmbedOptions, OpenOptions, Pictures, PretrainedError, embed_files};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Embeds pictures; those that cannot be read are left out, counted and listed.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Pictures, folders of pictures, or tar shards of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// A run's folder, a folder of open_clip or Hugging Face, or a file of weights
    #[arg(long, visible_alias = "checkpoint", default_value = "runs/quickstart")]
    weights: PathBuf,
    /// The model of a file that has no configuration, by open_clip's name, such as ViT-B-32
    #[arg(long)]
    model: Option<String>,
    /// Matrix to write, .npy or .safetensors; names go to the same name with .txt, damaged pictures to .damaged.txt
    #[arg(long)]
    out: PathBuf,
    /// As the model gives them, without dividing by their length
    #[arg(long)]
    raw: bool,
    /// Goes on where an earlier start was cut off
    #[arg(long)]
    resume: bool,
    /// Pictures that the model sees at once
    #[arg(long, default_value = "32", value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Threads that read and resize
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
}

fn main() -> ExitCode {
    embed(Args::parse()).map_or_else(
        |error| {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        },
        |()| ExitCode::SUCCESS,
    )
}

fn embed(args: Args) -> Result<(), PretrainedError> {
    let pictures = Pictures::find(&args.pictures)?;
    let options = OpenOptions { model: args.model, ..OpenOptions::default() };
    let model = options.open(args.weights, &vlp::device::open(&args.device)?)?;
    let bar = ProgressBar::new(pictures.len() as u64);
    bar.set_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {per_sec}, {eta} left").expect("valid"),
    );
    let (batch, workers) = (args.batch.into(), args.workers.into());
    let options = EmbedOptions { batch, workers, raw: args.raw, resume: args.resume };
    let done = embed_files(&model, &pictures, &args.out, &options, |now| bar.set_position(now.done as u64))?;
    bar.finish_and_clear();
    println!("{}: {} x {} in {:.1} s by {}", args.out.display(), done.rows, done.width, done.seconds, model.name());
    if done.damaged > 0 {
        let list = args.out.with_extension("damaged.txt");
        eprintln!("{} of {} pictures left out, see {}", done.damaged, pictures.len(), list.display());
    }
    Ok(())
}
