//! The first steps of the quickstart on a device and on the CPU backend, from the same weights through the same batches.

use std::error::Error;
use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use serde::Serialize;
use vlp::augment::Normalization;
use vlp::core::{BatchSource, Method, StepContext};
use vlp::data::{Dataset, HfTokenizer, Limits, Loader, PairSource};
use vlp::encoders::{AnyImageEncoder, TextTransformer};
use vlp::methods::AnyMethod;
use vlp::recipe::Recipe;
use vlp::schedulers::Schedule;
use vlp::trainer::{StepNumbers, adamw, clip_global_norm, gate, settle};

use crate::args::Args;

/// Losses of both, step by step.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) device: Vec<f64>,
    pub(crate) flex: Vec<f64>,
    pub(crate) tolerance: f64,
}

impl Curve {
    /// The largest relative difference of a step.
    pub(crate) fn difference(&self) -> f64 {
        self.device.iter().zip(&self.flex).map(|(a, b)| (a - b).abs() / b.abs()).fold(0.0, f64::max)
    }

    pub(crate) fn passes(&self) -> bool {
        self.difference() <= self.tolerance
    }
}

pub(crate) fn compare(args: &Args, device: &Device) -> Result<Curve, Box<dyn Error>> {
    let (mut recipe, steps) = (Recipe::quickstart(), if args.quick { 6 } else { 50 });
    if args.quick {
        recipe.batch_size = 32;
    }
    let flex = Device::flex().autodiff();
    flex.seed(recipe.seed);
    // Every backend draws its own numbers, so the weights are drawn once and copied.
    let method = recipe.method.init(recipe.image.init(&flex)?, recipe.text.init(&flex)?, &flex)?;
    settle(&method);
    let target = device.clone().autodiff();
    let copy = method.clone().fork(&target);
    Ok(Curve {
        device: train(copy, &recipe, args, &target, steps)?,
        flex: train(method, &recipe, args, &flex, steps)?,
        tolerance: args.tolerances().curve,
    })
}

fn train(
    mut method: AnyMethod<AnyImageEncoder, TextTransformer>,
    recipe: &Recipe,
    args: &Args,
    device: &Device,
    steps: u64,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let shards = Dataset::open(&args.data, "train-", Limits::default())?;
    let tokenizer = HfTokenizer::from_path(args.data.join("tokenizer.json"), recipe.text.context_length)?;
    let loader = Loader::new(Arc::new(shards), Arc::new(tokenizer), recipe.build_views()?, recipe.loader_config())?;
    let mut batches = PairSource::new(loader, Normalization::IMAGENET);
    let mut optimizer = adamw(&method, recipe.optimizer.adamw());
    let (schedule, mut losses) = (recipe.schedule.over(steps)?, Vec::new());
    for step in 0..steps {
        let ctx = StepContext::new(recipe.seed, step, steps);
        let batch = batches.next_batch(device).map_err(|error| error as Box<dyn Error>)?;
        let output = method.objective(method.encode(batch, &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, 1.0).ok_or("nothing to train")?;
        let numbers = StepNumbers::read(&output, norm)?;
        gate(step, &numbers)?;
        losses.push(f64::from(numbers.loss));
        method = optimizer.step(schedule.at(step), method, gradients).after_update(&ctx);
    }
    Ok(losses)
}
