//! What it costs that a step looks at everything: the quickstart's steps with the trainer's gate (inputs, buffers, gradients, rates, the
//! means to take a step back) and without, by turns in one process, so that whatever else the machine does meets both.
//!
//! ```text
//! cargo bench --bench gate                # 40 pairs of steps
//! cargo bench --bench gate -- 200         # as many as said
//! ```

#[path = "common/device.rs"]
mod device;

use std::error::Error;
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp::core::{Method, PairBatch, StepContext, View};
use vlp::encoders::{AnyImageEncoder, TextTransformer};
use vlp::methods::AnyMethod;
use vlp::recipe::Recipe;
use vlp::schedulers::Constant;
use vlp::trainer::{Optimizer, StepNumbers, Stepper, TrainerOptions, clip_global_norm, settle};

/// Activations are freed and taken at each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RATE: f64 = 1e-3;

type Quickstart = AnyMethod<AnyImageEncoder, TextTransformer>;
type Failure = Box<dyn Error>;

fn method(recipe: &Recipe, device: &Device) -> Result<Quickstart, Failure> {
    device.seed(0);
    let method = recipe.method.init(recipe.image.init(device)?, recipe.text.init(device)?, device)?;
    // Draws the first parameters, before anything else draws.
    settle(&method);
    Ok(method)
}

fn batch(recipe: &Recipe, device: &Device) -> PairBatch {
    let (batch, side, context) = (recipe.batch_size, recipe.views.size, recipe.text.context_length);
    let words = Distribution::Uniform(0.0, recipe.text.vocab_size as f64);
    let view = |_| View {
        images: Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), device),
        tokens: Tensor::<2, Int>::random([batch, context], words, device),
    };
    PairBatch::new(view(0), (0..recipe.views.strong).map(view).collect())
}

/// The same update without a look at anything but loss and norm.
struct Bare {
    method: Option<Quickstart>,
    optimizer: Optimizer,
    max_norm: f64,
    step: u64,
}

impl Bare {
    fn step(&mut self, batch: PairBatch, device: &Device) -> Result<StepNumbers, Failure> {
        let method = self.method.take().ok_or("a step failed before")?;
        let ctx = StepContext::new(0, self.step, u64::MAX);
        ctx.seed_device(device);
        let output = method.objective(method.encode(batch, &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, self.max_norm).ok_or("nothing to train")?;
        let numbers = StepNumbers::read(&output, norm)?;
        self.method = Some(self.optimizer.step(self.step, RATE, method, gradients).after_update(&ctx));
        self.step += 1;
        Ok(numbers)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Failure> {
    let pairs = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(40usize).max(1);
    let (recipe, device) = (Recipe::quickstart(), device::device()?.autodiff());
    let max_norm = recipe.optimizer.max_norm.unwrap_or(f64::INFINITY);
    let build = |method: &Quickstart| recipe.optimizer.settings.build(method);
    let bare = method(&recipe, &device)?;
    let mut bare = Bare { optimizer: build(&bare), method: Some(bare), max_norm, step: 0 };
    let options = TrainerOptions::new(&device, u64::MAX).with_max_norm(max_norm);
    let mut gated = Stepper::new(method(&recipe, &device)?, build, Constant::new(RATE)?, options);
    let (mut with, mut without, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs + 3 {
        let batch = batch(&recipe, &device);
        let mut seconds = [0.0; 2];
        let mut losses = [0.0; 2];
        // Whoever comes second finds the memory warm: by turns.
        for turn in [pair % 2, 1 - pair % 2] {
            device.sync()?;
            let begun = Instant::now();
            losses[turn] = match turn {
                0 => bare.step(batch.clone(), &device)?.loss,
                _ => gated.step(batch.clone())?.numbers.loss,
            };
            device.sync()?;
            seconds[turn] = begun.elapsed().as_secs_f64();
        }
        if losses[0] != losses[1] {
            return Err(format!("two losses of one step: {losses:?}").into());
        }
        // The first steps are slower: new pages, and after its first update the trainer looks through the whole method.
        if pair >= 3 {
            without.push(seconds[0]);
            with.push(seconds[1]);
            added.push(seconds[1] / seconds[0] - 1.0);
        }
    }
    let milliseconds = |values: &[f64]| 1e3 * median(values.to_vec());
    println!("without the gate: {:.2} ms a step, with it: {:.2} ms", milliseconds(&without), milliseconds(&with));
    let mean = added.iter().sum::<f64>() / pairs as f64;
    let variance = added.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / pairs as f64;
    let error = (variance / pairs as f64).sqrt();
    println!(
        "added by it, pair by pair: median {:+.2} %, mean {:+.2} % ± {:.2} %, of {pairs} pairs",
        100.0 * median(added.clone()),
        100.0 * mean,
        100.0 * error
    );
    Ok(())
}
