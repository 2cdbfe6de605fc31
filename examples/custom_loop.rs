//! The training loop written by hand: loss, gradient, update, nothing hidden. [`Stepper::step`](vlp::trainer::Stepper::step) makes the
//! same calls in the same order; the numbers are those of `Run::fit`, to the bit.
//!
//! ```text
//! cargo run --release --example custom_loop -- 20
//! cargo run --release --example custom_loop -- 20 --recipe recipes/quickstart.toml --set batch_size=64
//! cargo run --release --example custom_loop -- 20 --device flex
//! ```

use std::path::PathBuf;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use clap::Parser;
use vlp::core::StepContext;
use vlp::prelude::*;
use vlp::trainer::{StepNumbers, clip_global_norm, gate, settle};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains on emoji by a loop that hides nothing.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Steps to take
    #[arg(default_value_t = 20)]
    steps: u64,
    /// A recipe instead of the quickstart's: a TOML file, or the name of a built-in one
    #[arg(long, default_value = "quickstart")]
    recipe: PathBuf,
    /// Set a key of the recipe, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex", value_parser = vlp::device::open)]
    device: Device,
}

fn main() -> Result<(), vlp::Error> {
    let args = Args::parse();
    let steps = format!("steps={}", args.steps);
    let recipe = Recipe::open(&args.recipe)?.set(&args.settings)?.set(&[steps])?;
    let run = Run::new(recipe, &args.device)?;
    let (recipe, device, total) = (run.recipe(), run.device(), run.total_steps());

    let (mut method, mut batches) = (run.method()?, run.source()?);
    // burn draws weights when they are first read: that is now, under the recipe's seed.
    settle(&method);
    let mut optimizer = recipe.optimizer.settings.build_with_decay(&method, recipe.optimizer.weight_decay_over(total)?);
    let schedule = recipe.schedule.over(total)?;
    let max_norm = recipe.optimizer.max_norm.unwrap_or(f64::INFINITY);

    for step in 0..total {
        let ctx = StepContext::new(recipe.seed, step, total);
        let batch = batches.next_batch(device)?;
        // Dropout of this step is a function of seed and step.
        ctx.seed_device(device);
        let output = method.objective(method.encode(batch, &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm =
            clip_global_norm(&method, &mut gradients, max_norm).ok_or(vlp::trainer::TrainError::NothingToTrain)?;
        // One read of the device; a loss or gradient that is not finite ends here, before it reaches a parameter.
        let numbers = StepNumbers::read(&output, norm)?;
        gate(step, &numbers)?;
        method = optimizer.step(step, schedule.at(step), method, gradients).after_update(&ctx);
        println!("step {:>3}  loss {:.4}  gradient norm {:.3}", step + 1, numbers.loss, numbers.grad_norm);
    }
    Ok(())
}
