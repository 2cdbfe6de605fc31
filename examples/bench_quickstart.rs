//! Time of one training step of the quickstart's model on random data, without loader: the counterpart of
//! `benches/peers/quickstart_step.py`, which does the same in PyTorch. `scripts/compare-step.sh` runs both.
//!
//! ```text
//! cargo run --release --example bench_quickstart -- [strong views] [steps]
//! ```

use std::error::Error;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Int, Tensor};
use vlp::core::{Method, PairBatch, StepContext, View};
use vlp::methods::{AnyMethodConfig, ClipRocketConfig};
use vlp::recipe::Recipe;
use vlp::trainer::{StepNumbers, adamw, clip_global_norm};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let recipe = Recipe::quickstart();
    let views = arguments.next().map_or(Ok(recipe.views.strong), |views| views.parse())?;
    let steps: u64 = arguments.next().map_or(Ok(10), |steps| steps.parse())?;
    let device = Device::flex().autodiff();
    device.seed(0);

    let AnyMethodConfig::ClipRocket(config) = recipe.method else { return Err("the recipe is not CLIP-rocket".into()) };
    let config = ClipRocketConfig { strong_head: config.strong_head.filter(|_| views > 0), ..config };
    let mut method = config.init(recipe.image.init(&device)?, recipe.text.init(&device)?, &device)?;
    let mut optimizer = adamw(&method, recipe.optimizer.adamw());
    let (batch, side, context) = (recipe.batch_size, recipe.image.image_size, recipe.text.context_length);
    let words = Distribution::Uniform(0.0, recipe.text.vocab_size as f64);
    let view = || View {
        images: Tensor::random([batch, 3, side, side], Distribution::Normal(0.0, 1.0), &device),
        tokens: Tensor::<2, Int>::random([batch, context], words, &device),
    };

    let mut times = Vec::new();
    for step in 0..steps + 3 {
        let pairs = PairBatch { weak: view(), strong: (0..views).map(|_| view()).collect() };
        let ctx = StepContext::new(0, step, steps + 3);
        let begun = Instant::now();
        let output = method.objective(method.encode(pairs, &ctx), &ctx);
        let encoded = begun.elapsed();
        let mut gradients = GradientsParams::from_grads(output.loss.backward(), &method);
        let norm = clip_global_norm(&method, &mut gradients, 1.0).ok_or("nothing to train")?;
        StepNumbers::read(&output, norm)?;
        let graded = begun.elapsed();
        method = optimizer.step(1e-3, method, gradients).after_update(&ctx);
        times.push([encoded, graded - encoded, begun.elapsed() - graded].map(|part| part.as_secs_f64() * 1e3));
    }
    let mut times = times.split_off(3);
    times.sort_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()));
    let [forward, backward, update] = times[times.len() / 2];
    let total = forward + backward + update;
    println!(
        "vlp flex: {} parameters, batch {batch}, 1 + {views} views: median step {total:.0} ms \
         (forward {forward:.0}, backward {backward:.0}, update {update:.0}), {:.0} pairs/s",
        method.num_params(),
        batch as f64 / total * 1e3,
    );
    Ok(())
}
