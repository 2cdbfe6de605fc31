//! Trains CLIP-rocket on 4,850 emoji with their names and keywords, then asks what it has learned.
//!
//! ```text
//! cargo run --release --example quickstart              # about six minutes on two CPU cores
//! cargo run --release --example quickstart -- --short   # 30 steps, to see that everything works
//! ```

mod args;
mod evaluate;
mod existing_run;
mod pictures;
mod splits;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use burn::module::Module;
use clap::Parser;
use vlp::augment::Normalization;
use vlp::data::{Loader, LoaderConfig, PairSource};
use vlp::encoders::{AnyImageEncoder, TextTransformer};
use vlp::eval::side_by_side;
use vlp::methods::AnyMethod;
use vlp::trainer::{
    Checkpoints, JsonLines, Outcome, ProgressBar, Stop, Trainer, TrainerOptions, WeightDecay, adamw_with_decay,
};

use args::{Args, Setup};

/// Training on the CPU frees and takes buffers by the hundred megabytes each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = Args::parse().prepare().map_err(Failure::Setup).and_then(|setup| {
        // One seed before the first parameter: the same weights at every start.
        setup.device.seed(setup.recipe.seed);
        let trainer = trainer(&setup).map_err(Failure::Setup)?;
        train_and_evaluate(trainer, &setup).map_err(Failure::Run)
    });
    let (code, error) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Setup(error)) => (2, error),
        Err(Failure::Run(error)) => (1, error),
    };
    eprintln!("error: {error}");
    ExitCode::from(code)
}

/// What went wrong, before or after the first step.
enum Failure {
    Setup(Box<dyn Error>),
    Run(Box<dyn Error>),
}

/// The method that the recipe names.
type Model = AnyMethod<AnyImageEncoder, TextTransformer>;

fn trainer(setup: &Setup) -> Result<Trainer<Model, PairSource>, Box<dyn Error>> {
    let Setup { recipe, device, train, total, .. } = setup;
    let (image, text) = recipe.encoders(device)?;
    let method = recipe.method.init(image, text, device)?;
    println!(
        "{}: {} parameters, {total} steps of {} pairs out of {}, on {}",
        recipe.method.name(),
        method.num_params(),
        recipe.batch_size,
        train.len(),
        setup.device_name,
    );
    train.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    let config = LoaderConfig { workers: setup.workers, ..recipe.loader_config() };
    let loader = Loader::new(train.clone(), setup.tokenizer.clone(), recipe.build_views()?, config)?;
    let adamw = recipe.optimizer.adamw();
    let decay = WeightDecay::new(recipe.optimizer.weight_decay_over(*total)?);
    let of_optimizer = decay.clone();
    let options = TrainerOptions::new(device, *total).with_seed(recipe.seed);
    let trainer = Trainer::new(
        method,
        PairSource::new(loader, Normalization::IMAGENET),
        move |method: &Model| adamw_with_decay(method, adamw, &of_optimizer),
        recipe.schedule.over(*total)?,
        TrainerOptions { max_norm: recipe.optimizer.max_norm, ..options },
    )
    .with_weight_decay(decay)
    .with_checkpoints(Checkpoints::new(&setup.out, setup.config()?).every_steps(100).overwrite(setup.overwrite))
    .with_hook(ProgressBar::new())
    .with_hook(JsonLines::new(setup.out.join("metrics.jsonl")))
    .with_stop(Stop::on_signals()?);
    Ok(if setup.resume { trainer.resume()? } else { trainer })
}

fn train_and_evaluate(trainer: Trainer<Model, PairSource>, setup: &Setup) -> Result<(), Box<dyn Error>> {
    let (started, out) = (Instant::now(), &setup.out);
    let trained = trainer.fit()?;
    if let Outcome::Stopped { step, .. } = trained.outcome {
        println!("stopped after {step} of {} steps; `--resume` continues", setup.total);
        return Ok(());
    }
    println!("trained in {:.0} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let results = evaluate::evaluate(&trained.method.valid(), setup)?;
    println!("\n{}", side_by_side("What it has learned", &results.reports));
    println!("evaluated in {:.0} s", started.elapsed().as_secs_f64());
    std::fs::write(out.join("results.json"), serde_json::to_string_pretty(&results.reports)?)?;
    pictures::draw(&results, out)?;
    println!("{}: checkpoint, metrics.jsonl, results.json, loss.png, retrieval.png, similarity.png", out.display());
    Ok(())
}
