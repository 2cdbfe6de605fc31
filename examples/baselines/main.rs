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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vlp::prelude::*;

use train::{Finished, Shared, finish};

/// What ends the program, as one sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

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

fn run(args: Args) -> Result<(), Failure> {
    if args.table {
        return table::write(&Finished::all(&args.out)?, &args.out);
    }
    let mut settings = args.settings;
    settings.extend(args.epochs.map(|epochs| format!("epochs={epochs}")));
    settings.extend(args.short.then(|| "steps=10".to_owned()));
    let base = args.recipe.map_or_else(|| Recipe::builtin("baselines"), Recipe::open)?.set(&settings)?;
    if args.workers == 0 || args.seeds == 0 {
        return Err("--workers and --seeds must be at least 1".into());
    }
    let runs = plan::runs(&base, &args.methods, if args.short { 1 } else { args.seeds })?;
    let options = RunOptions::default().with_workers(args.workers).with_stop(Stop::on_signals()?);
    let shared = Shared { device: device::open(&args.device)?, options };
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
