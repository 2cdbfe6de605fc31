//! Time of whole training steps on random data, without loader: forward, backward, clipping, AdamW.
//!
//! ```text
//! cargo bench --bench step                # all, on the CPU
//! cargo bench --bench step -- vit         # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench step
//! cargo bench --bench step -- --serve     # answers benches/peers/step.py
//! ```

#[path = "common/device.rs"]
mod device;

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Distribution, Int, Tensor};
use criterion::{Criterion, SamplingMode};
use serde_json::{Value, json};
use vlp::core::{ImageEncoder, Method, PairBatch, StepContext, View};
use vlp::encoders::{AnyImageEncoder, ImagePooling, StemConfig, TextTransformer, Vit, VitConfig};
use vlp::methods::{AnyMethodConfig, ClipRocket, ClipRocketConfig};
use vlp::recipe::Recipe;
use vlp::trainer::{AdamWOptions, Optimizer, StepNumbers, adamw, clip_global_norm};

/// Activations are freed and taken at each step; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The steps that are measured.
const CASES: [&str; 4] = ["vit", "quickstart-0", "quickstart-1", "adamw"];
const OPTIMIZER: AdamWOptions = AdamWOptions { beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.1 };

/// A model that takes one training step after another.
trait Step {
    fn parameters(&self) -> usize;
    /// Milliseconds of forward, backward (with clipping) and update.
    fn once(&mut self) -> Result<[f64; 3], Box<dyn Error>>;
}

/// A ViT of width 192 with 6 layers and 3 heads on 64 pictures of 64 x 64 in patches of 8, without clipping; the loss is the mean
/// product of its vectors with random numbers.
struct VitStep {
    model: Option<Vit>,
    optimizer: ModuleOptimizer,
    device: Device,
}

impl VitStep {
    const BATCH: usize = 64;

    fn new(device: &Device) -> Result<Self, Box<dyn Error>> {
        let config = VitConfig {
            image_size: 64,
            stem: StemConfig::Patch { size: 8 },
            width: 192,
            depth: 6,
            heads: 3,
            pooling: ImagePooling::Mean,
            ..VitConfig::default()
        };
        let model = config.init(device)?;
        Ok(VitStep { optimizer: adamw(&model, OPTIMIZER), model: Some(model), device: device.clone() })
    }
}

impl Step for VitStep {
    fn parameters(&self) -> usize {
        self.model.as_ref().map_or(0, Module::num_params)
    }

    fn once(&mut self) -> Result<[f64; 3], Box<dyn Error>> {
        let model = self.model.take().ok_or("a step failed before")?;
        let normal = Distribution::Normal(0.0, 1.0);
        let images = Tensor::random([Self::BATCH, 3, 64, 64], normal, &self.device);
        let against = Tensor::random([Self::BATCH, 192], normal, &self.device);
        let mut clock = Clock::new();
        let loss = (model.encode(images) * against).mean();
        clock.lap(&self.device)?;
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        clock.lap(&self.device)?;
        self.model = Some(self.optimizer.step(1e-3, model, gradients));
        clock.lap(&self.device)?;
        Ok(clock.laps)
    }
}

/// The quickstart's model and objective with so many strong views.
struct QuickstartStep {
    method: Option<ClipRocket<AnyImageEncoder, TextTransformer>>,
    optimizer: Optimizer,
    recipe: Recipe,
    views: usize,
    step: u64,
    device: Device,
}

impl QuickstartStep {
    fn new(views: usize, device: &Device) -> Result<Self, Box<dyn Error>> {
        let recipe = Recipe::quickstart();
        let AnyMethodConfig::ClipRocket(config) = recipe.method.clone() else {
            return Err("the recipe is not CLIP-rocket".into());
        };
        let config = ClipRocketConfig { strong_head: config.strong_head.filter(|_| views > 0), ..config };
        let method = config.init(recipe.image.init(device)?, recipe.text.init(device)?, device)?;
        let optimizer = recipe.optimizer.settings.build(&method);
        Ok(QuickstartStep { method: Some(method), optimizer, recipe, views, step: 0, device: device.clone() })
    }

    fn view(&self) -> View {
        let (batch, side, context) = (self.recipe.batch_size, self.recipe.views.size, self.recipe.text.context_length);
        let words = Distribution::Uniform(0.0, self.recipe.text.vocab_size as f64);
        View {
            images: Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), &self.device),
            tokens: Tensor::<2, Int>::random([batch, context], words, &self.device),
        }
    }
}

impl Step for QuickstartStep {
    fn parameters(&self) -> usize {
        self.method.as_ref().map_or(0, Module::num_params)
    }

    fn once(&mut self) -> Result<[f64; 3], Box<dyn Error>> {
        let method = self.method.take().ok_or("a step failed before")?;
        let pairs = PairBatch::new(self.view(), (0..self.views).map(|_| self.view()).collect());
        let ctx = StepContext::new(0, self.step, self.step + 1);
        self.step += 1;
        let mut clock = Clock::new();
        let output = method.objective(method.encode(pairs, &ctx), &ctx);
        clock.lap(&self.device)?;
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, 1.0).ok_or("nothing to train")?;
        StepNumbers::read(&output, norm)?;
        clock.lap(&self.device)?;
        self.method = Some(self.optimizer.step(self.step, 1e-3, method, gradients).after_update(&ctx));
        clock.lap(&self.device)?;
        Ok(clock.laps)
    }
}

/// Only the update, of 146 matrices with 153 million numbers together.
#[derive(Module, Debug)]
struct Matrices {
    weights: Vec<Param<Tensor<2>>>,
}

struct AdamWStep {
    model: Option<Matrices>,
    optimizer: ModuleOptimizer,
    gradients: Vec<Tensor<2>>,
    device: Device,
}

impl AdamWStep {
    fn new(device: &Device) -> Self {
        let random = |device: &Device| Tensor::random([1024, 1024], Distribution::Normal(0.0, 1.0), device);
        let weights = (0..146).map(|_| Param::from_tensor(random(device))).collect();
        let gradients = (0..146).map(|_| random(&device.clone().inner())).collect();
        let model = Matrices { weights };
        AdamWStep { optimizer: adamw(&model, OPTIMIZER), model: Some(model), gradients, device: device.clone() }
    }
}

impl Step for AdamWStep {
    fn parameters(&self) -> usize {
        self.model.as_ref().map_or(0, Module::num_params)
    }

    fn once(&mut self) -> Result<[f64; 3], Box<dyn Error>> {
        let model = self.model.take().ok_or("a step failed before")?;
        let mut gradients = GradientsParams::new();
        for (weight, gradient) in model.weights.iter().zip(&self.gradients) {
            gradients.register(weight.id, gradient.clone());
        }
        let begun = Instant::now();
        self.model = Some(self.optimizer.step(1e-3, model, gradients));
        self.device.sync()?;
        Ok([0.0, 0.0, begun.elapsed().as_secs_f64() * 1e3])
    }
}

struct Clock {
    begun: Instant,
    laps: [f64; 3],
    lap: usize,
}

impl Clock {
    fn new() -> Self {
        Clock { begun: Instant::now(), laps: [0.0; 3], lap: 0 }
    }

    /// Waits for the device: what is queued belongs to this part.
    fn lap(&mut self, device: &Device) -> Result<(), Box<dyn Error>> {
        device.sync()?;
        self.laps[self.lap] = self.begun.elapsed().as_secs_f64() * 1e3;
        self.lap += 1;
        self.begun = Instant::now();
        Ok(())
    }
}

fn build(case: &str, device: &Device) -> Result<Box<dyn Step>, Box<dyn Error>> {
    device.seed(0);
    Ok(match case {
        "vit" => Box::new(VitStep::new(device)?),
        "quickstart-0" => Box::new(QuickstartStep::new(0, device)?),
        "quickstart-1" => Box::new(QuickstartStep::new(1, device)?),
        "adamw" => Box::new(AdamWStep::new(device)),
        _ => return Err(format!("{case} is none of {CASES:?}").into()),
    })
}

/// Reads one question per line, writes one line of JSON for each: `list`, `start CASE` (makes a model and takes two steps, which
/// do not count; answers with its parameters) and `once` (milliseconds of forward, backward and update of one step).
fn serve(device: &Device) -> Result<(), Box<dyn Error>> {
    let mut step: Option<Box<dyn Step>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let answer: Value = match (&words[..], &mut step) {
            (["list"], _) => json!(CASES),
            (["start", case], step) => {
                let new = step.insert(build(case, device)?);
                new.once()?;
                new.once()?;
                json!(new.parameters())
            }
            (["once"], Some(step)) => json!(step.once()?),
            _ => return Err(format!("not a question: {line}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = device::device()?.autodiff();
    if std::env::args().any(|argument| argument == "--serve") {
        return serve(&device);
    }
    // A start: what the command line says counts.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    let mut group = criterion.benchmark_group("step");
    group.sampling_mode(SamplingMode::Flat);
    for case in CASES {
        group.bench_function(case, |b| {
            // Made when a benchmark is chosen, and let go before the next.
            let mut step = build(case, &device).expect("these models can be built");
            b.iter(|| step.once().expect("a step of finite numbers"));
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
