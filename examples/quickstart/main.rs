//! Trains CLIP-rocket on 4,850 emoji with their names and keywords, then asks what it has learned.
//!
//! ```text
//! cargo run --release --example quickstart              # about ten minutes on two CPU cores
//! cargo run --release --example quickstart -- --short   # 30 steps, to see that everything works
//! ```

mod args;
mod evaluate;
mod pictures;
mod splits;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use vlp::augment::Normalization;
use vlp::core::{Embedder, Method, PairBatch};
use vlp::data::{Loader, LoaderConfig, PairSource};
use vlp::recipe::MethodRecipe;
use vlp::trainer::{Checkpoints, JsonLines, Outcome, ProgressBar, Stop, Trainer, TrainerOptions, adamw};

use args::{Args, Setup};

/// Training on the CPU frees and takes buffers by the hundred megabytes each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let prepared = Args::parse().prepare();
    let result = prepared.map(|setup| {
        let (image, text, device) = (&setup.recipe.image, &setup.recipe.text, &setup.device);
        // One seed before the first parameter: the same weights at every start.
        device.seed(setup.recipe.seed);
        let (image, text) = (image.init(device)?, text.init(device)?);
        match setup.recipe.method {
            MethodRecipe::Clip(config) => run(config.init(image, text, device)?, setup),
            MethodRecipe::ClipRocket(config) => run(config.init(image, text, device)?, setup),
        }
    });
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(error.as_ref(), 1),
        Err(error) => fail(error.as_ref(), 2),
    }
}

fn fail(error: &dyn Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}

fn run<M>(method: M, setup: Setup) -> Result<(), Box<dyn Error>>
where
    M: Method<Batch = PairBatch> + Embedder + 'static,
{
    let Setup { recipe, device, train, tokenizer, out, total, resume, overwrite, workers, .. } = &setup;
    println!(
        "{}: {} parameters, {} steps of {} pairs out of {}, on {}",
        recipe.method.name(),
        method.num_params(),
        total,
        recipe.batch_size,
        train.len(),
        setup.device_name,
    );
    train.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    let config = LoaderConfig {
        distinct_by: recipe.distinct_by.clone(),
        workers: *workers,
        ..LoaderConfig::new(recipe.batch_size, recipe.seed)
    };
    let loader = Loader::new(train.clone(), tokenizer.clone(), recipe.views.build(), config)?;
    let options = TrainerOptions { max_norm: recipe.optimizer.max_norm, ..TrainerOptions::new(device, *total) }
        .with_seed(recipe.seed);
    let adamw_options = recipe.optimizer.adamw();
    let trainer = Trainer::new(
        method,
        PairSource::new(loader, Normalization::IMAGENET),
        move |method: &M| adamw(method, adamw_options),
        recipe.schedule.over(*total)?,
        options,
    )
    .with_checkpoints(Checkpoints::new(out, setup.config()?).every_steps(100).overwrite(*overwrite))
    .with_hook(ProgressBar::new())
    .with_hook(JsonLines::new(out.join("metrics.jsonl")))
    .with_stop(Stop::on_signals()?);
    let trainer = if *resume { trainer.resume()? } else { trainer };

    let started = Instant::now();
    let trained = trainer.fit()?;
    if let Outcome::Stopped { step, .. } = trained.outcome {
        println!("stopped after {step} of {total} steps; `--resume` continues");
        return Ok(());
    }
    println!("trained in {:.0} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let results = evaluate::evaluate(&trained.method.valid(), &setup)?;
    println!("\n{}", results.report);
    println!("evaluated in {:.0} s", started.elapsed().as_secs_f64());
    std::fs::write(out.join("results.json"), serde_json::to_string_pretty(&results.report)?)?;
    pictures::draw(&results, out)?;
    println!("{}: checkpoint, metrics.jsonl, results.json, loss.png, retrieval.png, similarity.png", out.display());
    Ok(())
}
