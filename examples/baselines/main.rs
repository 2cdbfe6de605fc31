//! Trains every method on emoji with the same budget and seeds, by a plain and by an improved recipe, and sets them side by
//! side: table.md, table.json and baselines.png.
//!
//! ```text
//! cargo run --release --example baselines                # hours on two CPU cores; the table that matters most after one
//! cargo run --release --example baselines -- --short     # minutes, to see that everything works
//! ```
//!
//! A run that is finished is read, one that is not goes on from its checkpoint: start it again after a stop. The table is
//! written after every run, out of those that there are.

mod measure;
mod plan;
mod table;
mod train;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use vlp::data::{Dataset, HfTokenizer, Limits};
use vlp::device::DeviceName;
use vlp::recipe::Recipe;
use vlp::trainer::Stop;

use measure::Sets;
use train::{Finished, Shared, finish};

/// Training on the CPU frees and takes buffers by the hundred megabytes each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains every method on emoji by a plain and an improved recipe and compares them.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Methods to train, separated by commas; all when left out
    #[arg(long, value_delimiter = ',')]
    methods: Vec<String>,
    /// Runs of each method and recipe, seeds 0, 1, ...
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Passes over the training pairs
    #[arg(long)]
    epochs: Option<f64>,
    /// Only 10 steps and one seed, then everything that follows a full run
    #[arg(long)]
    short: bool,
    /// Train nothing: only the table of all runs that are finished
    #[arg(long)]
    table: bool,
    /// A recipe in TOML instead of the built-in recipes/baselines.toml; its method is not read
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Set a key of that recipe, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
    /// Directory with the shards and tokenizer.json
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/emoji"), hide_default_value = true)]
    data: PathBuf,
    /// Directory of the runs and of the table
    #[arg(long, default_value = "runs/baselines")]
    out: PathBuf,
    /// Threads that read and augment; they do not change what is learned
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    if args.table {
        return table::write(&Finished::all(&args.out)?, &args.out);
    }
    let mut base = match &args.recipe {
        Some(path) => Recipe::from_path(path)?,
        None => Recipe::from_toml(include_str!("../../recipes/baselines.toml"))?,
    }
    .set(&args.settings)?;
    base.epochs = args.epochs.unwrap_or(base.epochs);
    base.check()?;
    if args.workers == 0 || args.seeds == 0 {
        return Err("--workers and --seeds must be at least 1".into());
    }
    let runs = plan::runs(&base, &args.methods, if args.short { 1 } else { args.seeds })?;
    let train = Arc::new(Dataset::open(&args.data, "train-", Limits::default())?);
    let shared = Shared {
        device: args.device.parse::<DeviceName>()?.open()?.autodiff(),
        tokenizer: Arc::new(HfTokenizer::from_path(args.data.join("tokenizer.json"), base.text.context_length)?),
        sets: Sets::open(&train, &args.data, base.views.size, args.workers)?,
        train,
        workers: args.workers,
        stop: Stop::on_signals()?,
        steps: args.short.then_some(10),
    };
    std::fs::create_dir_all(&args.out).map_err(|error| format!("--out {}: {error}", args.out.display()))?;
    let mut finished = Vec::with_capacity(runs.len());
    for (index, planned) in runs.iter().enumerate() {
        println!("run {} of {}: {}", index + 1, runs.len(), planned.name());
        let Some(result) = finish(planned, &shared, &args.out)? else {
            println!("stopped; the same command goes on from here");
            return Ok(());
        };
        finished.push(result);
        table::write(&finished, &args.out)?;
    }
    println!("{}: table.md, table.json, baselines.png", args.out.display());
    Ok(())
}
