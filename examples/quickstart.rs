//! Trains CLIP-rocket on 4,850 emoji with their names and keywords, then asks what it has learned.
//!
//! ```text
//! cargo run --release --example quickstart              # about six minutes on two CPU cores
//! cargo run --release --example quickstart -- --short   # 30 steps, to see that everything works
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use vlp::prelude::*;

/// Training on the CPU frees and takes buffers by the hundred megabytes each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains a small vision-language model on emoji and shows what it has learned. The command `vlp` does the same with any recipe.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// What to train: clip, clip-rocket, slip, siamlip, byolip, barlip, swalip, swalip-v1, nclip, xclip or siglip
    #[arg(long)]
    method: Option<String>,
    /// Only 30 steps, then everything that follows a full run
    #[arg(long)]
    short: bool,
    /// Continue from the newest checkpoint in the run's directory
    #[arg(long)]
    resume: bool,
    /// Start anew even where a run would be lost
    #[arg(long, conflicts_with = "resume")]
    fresh: bool,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex")]
    device: String,
    /// A recipe instead of the quickstart's: a TOML file, or the name of a built-in one
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Set a key of the recipe, such as epochs=3 or optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// What to train on instead of the emoji: shards by pattern, a table or a folder; a tenth is held out for the evaluation
    #[arg(long)]
    train: Option<String>,
    /// Directory of the run [default: runs/quickstart, with the method's name where --method gives one]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Threads that read and augment; they do not change what is learned
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<(), vlp::Error> {
    let mut recipe = match (&args.recipe, &args.method) {
        (Some(path), None) => Recipe::open(path)?,
        (Some(path), Some(name)) => Recipe::open(path)?.with_method(name)?,
        (None, None) => Recipe::quickstart(),
        (None, Some(name)) => Recipe::quickstart_with(name)?,
    };
    if let Some(source) = &args.train {
        recipe = recipe.with_data(source);
    }
    let mut settings = args.settings.clone();
    settings.extend(args.short.then(|| "steps=30".to_owned()));
    let recipe = recipe.set(&settings)?;
    let folder = args.method.as_ref().map_or("quickstart".to_owned(), |method| format!("quickstart-{method}"));
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runs").join(folder));

    let options = RunOptions::default().with_workers(args.workers).with_fresh(args.fresh);
    let mut run = Run::new(recipe, &device::open(&args.device)?)?.with_options(options.with_stop(Stop::on_signals()?));
    if args.resume {
        run = run.resumed_with(&out)?;
    }
    let (total, started) = (run.total_steps(), Instant::now());
    let trained = run.fit(&out)?;
    if trained.is_stopped() {
        println!("stopped after {} of {total} steps; `--resume` continues", trained.step());
        return Ok(());
    }
    println!("trained in {:.0} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let evaluation = trained.evaluate()?;
    println!("\n{evaluation}\nevaluated in {:.0} s", started.elapsed().as_secs_f64());
    println!("{}: checkpoint, metrics.jsonl, {}", out.display(), evaluation.save(&out)?.join(", "));
    Ok(())
}
