//! A method of your own with an image encoder of your own, in the library's trainer. A sample is three things here, its
//! picture, a strong view of that and its caption, and each has to find the two others.
//!
//! ```text
//! cargo run --release --example own_method -- 30 --device flex
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, activation::relu};
use clap::Parser;
use vlp::augment::Normalization;
use vlp::core::{Features, ImageEncoder, Method, PairBatch, StepContext, StepOutput, TextEncoder, TextMode};
use vlp::data::{Dataset, HfTokenizer, Limits, Loader, LoaderConfig, PairSource};
use vlp::encoders::{ProjectionConfig, ProjectionHead};
use vlp::losses::{ClipLoss, ClipLossConfig};
use vlp::recipe::Recipe;
use vlp::trainer::{Control, Event, Trainer, TrainerOptions, adamw};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Three convolutions that halve the picture, then the mean over positions.
#[derive(Module, Debug)]
struct SmallConv {
    layers: Vec<Conv2d>,
}

impl SmallConv {
    fn new(channels: [usize; 4], device: &Device) -> Self {
        let config = |pair: &[usize]| Conv2dConfig::new([pair[0], pair[1]], [3, 3]).with_stride([2, 2]);
        let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
        let layers = channels.windows(2).map(|pair| config(pair).with_padding(padding.clone()).init(device));
        SmallConv { layers: layers.collect() }
    }
}

impl ImageEncoder for SmallConv {
    fn width(&self) -> usize {
        self.layers.last().map_or(3, |layer| layer.weight.dims()[0])
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        let maps = self.layers.iter().fold(images, |x, layer| relu(layer.forward(x)));
        maps.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
    }
}

#[derive(Module, Debug)]
struct ThreeWay<I: ImageEncoder, T: TextEncoder> {
    image: I,
    text: T,
    image_head: ProjectionHead,
    text_head: ProjectionHead,
    loss: ClipLoss,
}

/// Picture, strong view, caption.
struct Three([Tensor<2>; 3]);

impl Features for Three {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.0.into()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        Three(tensors.try_into().expect("three tensors"))
    }
}

impl<I: ImageEncoder, T: TextEncoder> Method for ThreeWay<I, T> {
    type Batch = PairBatch;
    type Features = Three;

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> Three {
        let image = |pixels| self.image_head.forward(self.image.encode(pixels));
        let text = self.text_head.forward(self.text.encode(batch.weak.tokens, TextMode::Global));
        Three([image(batch.weak.images), image(batch.strong[0].images.clone()), text])
    }

    fn objective(&self, Three([image, strong, text]): Three, ctx: &StepContext<'_>) -> StepOutput {
        let pair = |a: &Tensor<2>, b: &Tensor<2>| self.loss.forward(a.clone(), b.clone(), ctx).loss();
        StepOutput::new((pair(&image, &text) + pair(&strong, &text) + pair(&image, &strong)) / 3.0)
    }

    fn after_update(self, _ctx: &StepContext<'_>) -> Self {
        ThreeWay { loss: self.loss.clamped(), ..self }
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
    let (recipe, device) = (Recipe::quickstart(), device.autodiff());
    device.seed(recipe.seed);
    let (image, text) = (SmallConv::new([3, 32, 64, 128], &device), recipe.text.init(&device)?);
    let head = |width| ProjectionConfig::Linear.init([width, 128], &device);
    let (image_head, text_head) = (head(image.width())?, head(text.width())?);
    let method = ThreeWay { image, text, image_head, text_head, loss: ClipLossConfig::default().init(&device)? };

    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji");
    let shards = Arc::new(Dataset::open(&data, "train-", Limits::default())?);
    let tokenizer = Arc::new(HfTokenizer::from_path(data.join("tokenizer.json"), recipe.text.context_length)?);
    let config = LoaderConfig::new(recipe.batch_size, recipe.seed);
    let source =
        PairSource::new(Loader::new(shards, tokenizer, recipe.build_views()?, config)?, Normalization::IMAGENET);
    let (decay, options) = (recipe.optimizer.adamw(), TrainerOptions::new(&device, steps).with_max_norm(1.0));
    let optimizer = move |method: &_| adamw(method, decay);
    let show = |event: &Event<'_, ThreeWay<_, _>>| {
        if let Event::Step { report, .. } = event {
            println!("step {:>3}  loss {:.4}", report.step + 1, report.numbers.loss);
        }
        Ok(Control::Continue)
    };
    Trainer::new(method, source, optimizer, recipe.schedule.over(steps)?, options).with_hook(show).fit()?;
    Ok(())
}
