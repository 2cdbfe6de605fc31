//! The training loop written by hand: data, method, loss, gradient, update, nothing hidden. `Trainer::fit` makes the same
//! calls in the same order and adds checkpoints, hooks and resuming.
//!
//! ```text
//! cargo run --release --example custom_loop -- 20
//! cargo run --release --example custom_loop -- 20 --recipe recipes/quickstart.toml --set batch_size=64
//! cargo run --release --example custom_loop -- 20 --device flex
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use clap::Parser;
use vlp::augment::Normalization;
use vlp::core::{BatchSource, Method, StepContext};
use vlp::data::{Dataset, HfTokenizer, Limits, Loader, PairSource};
use vlp::recipe::Recipe;
use vlp::schedulers::Schedule;
use vlp::trainer::{StepNumbers, WeightDecay, adamw_with_decay, clip_global_norm, gate, settle};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains on emoji by a loop that hides nothing.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// Steps to take
    #[arg(default_value_t = 20)]
    steps: u64,
    /// A recipe in TOML instead of the built-in recipes/quickstart.toml
    #[arg(long)]
    recipe: Option<PathBuf>,
    /// Set a key of the recipe, such as optimizer.weight_decay=0.5; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex", value_parser = vlp::device::open)]
    device: Device,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let total = args.steps;
    let recipe = args.recipe.map_or_else(|| Ok(Recipe::quickstart()), Recipe::from_path)?.set(&args.settings)?;
    let device = args.device.autodiff();
    device.seed(recipe.seed);

    // Where batches come from.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji");
    let shards = Dataset::open(&data, "train-", Limits::default())?;
    let tokenizer = HfTokenizer::from_path(data.join("tokenizer.json"), recipe.text.context_length)?;
    let views = recipe.build_views()?;
    let loader = Loader::new(Arc::new(shards), Arc::new(tokenizer), views, recipe.loader_config())?;
    let mut batches = PairSource::new(loader, Normalization::IMAGENET);

    // What is trained.
    let (image, text) = recipe.encoders(&device)?;
    let mut method = recipe.method.init(image, text, &device)?;
    // burn draws weights when they are first read: that is now, under the seed above.
    settle(&method);
    let decay = WeightDecay::new(recipe.optimizer.weight_decay_over(total)?);
    let mut optimizer = adamw_with_decay(&method, recipe.optimizer.adamw(), &decay);
    let schedule = recipe.schedule.over(total)?;

    for step in 0..total {
        let ctx = StepContext::new(recipe.seed, step, total);
        let batch = batches.next_batch(&device).map_err(|error| error as Box<dyn Error>)?;
        // Dropout of this step is a function of seed and step.
        ctx.seed_device(&device);
        let output = method.objective(method.encode(batch, &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, 1.0).ok_or("nothing to train")?;
        // One read of the device; a loss or gradient that is not finite ends here, before it reaches a parameter.
        let numbers = StepNumbers::read(&output, norm)?;
        gate(step, &numbers)?;
        // The weight decay may change from step to step, as the learning rate does.
        decay.set_step(step);
        method = optimizer.step(schedule.at(step), method, gradients).after_update(&ctx);
        println!("step {:>3}  loss {:.4}  gradient norm {:.3}", step + 1, numbers.loss, numbers.grad_norm);
    }
    Ok(())
}
