//! A loss of your own, joined with one of the library, in the library's trainer: the hardest negative of the batch must
//! stay a margin away (VSE++, Faghri et al. 2018), with a margin that learns.
//!
//! ```text
//! cargo run --release --example own_loss -- 30 --device flex
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use clap::Parser;
use vlp::augment::Normalization;
use vlp::core::{PairLoss, StepContext};
use vlp::data::{Dataset, HfTokenizer, Limits, Loader, LoaderConfig, PairSource};
use vlp::encoders::{DualEncoder, ProjectionConfig};
use vlp::losses::{ClipLossConfig, Sum, Weighted, l2_normalize};
use vlp::methods::PairMethod;
use vlp::recipe::Recipe;
use vlp::trainer::{Control, Event, Trainer, TrainerOptions, adamw};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mean_i relu(m + max_{j≠i} s_ij - s_ii)` in both directions, `s` cosines of all pairs of the batch. The margin learns and
/// is kept within 0.05 and 0.5; a small reward keeps it from vanishing.
#[derive(Module, Debug)]
struct HardestNegative {
    margin: Param<Tensor<1>>,
}

impl HardestNegative {
    fn new(margin: f32, device: &Device) -> Self {
        HardestNegative { margin: Param::from_tensor(Tensor::from_floats([margin], device)) }
    }
}

impl PairLoss for HardestNegative {
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, _ctx: &StepContext<'_>) -> Tensor<1> {
        let rows = a.dims()[0];
        let cosines = l2_normalize(a).matmul(l2_normalize(b).transpose());
        let own = Tensor::<2>::eye(rows, &cosines.device());
        // Cosines lie within -1 and 1: four less and a pair's own similarity is never the hardest.
        let (positive, others) = ((cosines.clone() * own.clone()).sum_dim(1), cosines - own * 4.0);
        let margin = self.margin.val();
        let direction = |others: Tensor<2>| {
            let hardest = others.max_dim(1);
            (hardest - positive.clone() + margin.clone().unsqueeze::<2>()).clamp_min(0.0).mean()
        };
        direction(others.clone()) + direction(others.transpose()) - margin.clone() * 0.5
    }

    fn after_update(self) -> Self {
        let margin = self.margin.map(|margin| margin.detach().clamp(0.05, 0.5).detach().require_grad());
        HardestNegative { margin }
    }
}

#[derive(Parser)]
struct Args {
    /// Steps to take
    #[arg(default_value_t = 30)]
    steps: u64,
    /// Where to compute: flex, cuda[:i], libtorch[:cpu|:cuda:i], wgpu or vulkan
    #[arg(long, default_value = "flex", value_parser = vlp::device::open)]
    device: Device,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Args { steps, device } = Args::parse();
    let recipe = Recipe::quickstart_with("clip")?;
    let device = device.autodiff();
    device.seed(recipe.seed);

    let (image, text) = (recipe.image.init(&device)?, recipe.text.init(&device)?);
    let loss = Sum {
        first: ClipLossConfig::default().init(&device)?,
        second: Weighted::new(0.5, HardestNegative::new(0.2, &device))?,
    };
    let method =
        PairMethod { encoder: DualEncoder::join(image, text, [ProjectionConfig::Linear; 2], 256, &device)?, loss };

    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji");
    let shards = Dataset::open(&data, "train-", Limits::default())?;
    let tokenizer = HfTokenizer::from_path(data.join("tokenizer.json"), recipe.text.context_length)?;
    let config =
        LoaderConfig { distinct_by: recipe.distinct_by.clone(), ..LoaderConfig::new(recipe.batch_size, recipe.seed) };
    let loader = Loader::new(Arc::new(shards), Arc::new(tokenizer), recipe.build_views()?, config)?;

    let options = recipe.optimizer.adamw();
    let trainer = Trainer::new(
        method,
        PairSource::new(loader, Normalization::IMAGENET),
        move |method: &_| adamw(method, options),
        recipe.schedule.over(steps)?,
        TrainerOptions::new(&device, steps).with_seed(recipe.seed).with_max_norm(1.0),
    )
    .with_hook(|event: &Event<'_, PairMethod<_, _, _>>| {
        if let Event::Step { report, .. } = event {
            println!("step {:>3}  loss {:.4}", report.step + 1, report.numbers.loss);
        }
        Ok(Control::Continue)
    });
    let trained = trainer.fit()?.method;
    println!("margin {:.3}", trained.loss.second.loss.margin.val().into_scalar::<f32>());
    Ok(())
}
