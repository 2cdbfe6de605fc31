//! Time of one training step of every method at the quickstart's size, in samples per second: forward, backward, clipping,
//! update and what follows it, on random data, without the loader.
//!
//! ```text
//! cargo bench --bench methods             # all, on the CPU
//! cargo bench --bench methods -- byolip   # those whose name contains this
//! VLP_DEVICE=cuda cargo bench --features cuda --bench methods
//! ```

#[path = "common/device.rs"]
mod device;

use std::error::Error;
use std::time::Duration;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use criterion::{Criterion, SamplingMode, Throughput};
use vlp::core::{Method, PairBatch, StepContext, View};
use vlp::encoders::{AnyImageEncoder, TextTransformer};
use vlp::methods::{AnyMethod, AnyMethodConfig};
use vlp::recipe::Recipe;
use vlp::trainer::{Optimizer, clip_global_norm};

use device::device;

/// A step frees and takes buffers by the hundred megabytes; this allocator keeps their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A method with its optimizer and a batch, ready to take steps.
struct Training {
    /// Only out during a step.
    method: Option<AnyMethod<AnyImageEncoder, TextTransformer>>,
    optimizer: Optimizer,
    batch: PairBatch,
    device: Device,
    step: u64,
}

impl Training {
    fn new(recipe: &Recipe, device: &Device) -> Result<Self, Box<dyn Error>> {
        let device = device.clone().autodiff();
        device.seed(recipe.seed);
        let method = recipe.method.init(recipe.image.init(&device)?, recipe.text.init(&device)?, &device)?;
        let (rows, side, context) = (recipe.batch_size, recipe.views.size, recipe.text.context_length);
        let words = Distribution::Uniform(0.0, recipe.text.vocab_size as f64);
        let view = || View {
            images: Tensor::random([rows, 3, side, side], Distribution::Normal(0.0, 1.0), &device),
            tokens: Tensor::<2, Int>::random([rows, context], words, &device),
        };
        let batch = PairBatch::new(view(), (0..recipe.views.strong).map(|_| view()).collect());
        let optimizer = recipe.optimizer.settings.build(&method);
        Ok(Training { method: Some(method), optimizer, batch, device, step: 0 })
    }

    /// One step, to its end on the device.
    fn step(&mut self) {
        let method = self.method.take().expect("the step before put it back");
        let ctx = StepContext::new(0, self.step, u64::MAX);
        let output = method.objective(method.encode(self.batch.clone(), &ctx), &ctx);
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        clip_global_norm(&method, &mut gradients, 1.0);
        self.method = Some(self.optimizer.step(self.step, 1e-4, method, gradients).after_update(&ctx));
        self.step += 1;
        self.device.sync().expect("the device computes");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = device()?;
    // A start: what the command line says counts.
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(15))
        .configure_from_args();
    let mut group = criterion.benchmark_group("step");
    group.sampling_mode(SamplingMode::Flat);
    for name in AnyMethodConfig::NAMES {
        let recipe = Recipe::quickstart_with(name)?;
        group.throughput(Throughput::Elements(recipe.batch_size as u64));
        group.bench_function(format!("{name}/strong={}", recipe.views.strong), |b| {
            // Made when a benchmark is chosen, and let go before the next.
            let mut training = Training::new(&recipe, &device).expect("the quickstart's recipes are valid");
            b.iter(|| training.step());
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
