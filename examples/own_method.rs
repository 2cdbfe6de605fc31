//! A method of your own, trained from a TOML file. A sample is three things here, its picture, a strong view of that and its
//! caption, and each has to find the two others: `cargo run --release --example own_method -- examples/own_method.toml runs/own_method`.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp::core::{PairBatch, StepContext, StepOutput, TextMode};
use vlp::encoders::{DualEncoder, ProjectionConfig};
use vlp::losses::{ClipLoss, ClipLossConfig};
use vlp::methods::{MethodConfig, MethodError as Refused, StrongViews};
use vlp::prelude::*;

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct ThreeWayConfig {
    embed_dim: usize,
}

#[derive(Module, Debug)]
struct ThreeWay<I: ImageEncoder, T: TextEncoder> {
    encoder: DualEncoder<I, T>,
    loss: ClipLoss,
}

impl<I: ImageEncoder, T: TextEncoder> Method for ThreeWay<I, T> {
    type Batch = PairBatch;
    /// Picture, strong view, caption.
    type Features = [Tensor<2>; 3];

    fn encode(&self, batch: PairBatch, _ctx: &StepContext<'_>) -> [Tensor<2>; 3] {
        let image = |pixels| self.encoder.embed_images(pixels);
        let text = self.encoder.embed_texts(batch.weak.tokens, TextMode::Global);
        [image(batch.weak.images), image(batch.strong[0].images.clone()), text]
    }

    fn objective(&self, [image, strong, text]: [Tensor<2>; 3], ctx: &StepContext<'_>) -> StepOutput {
        let pair = |a: &Tensor<2>, b: &Tensor<2>| PairLoss::forward(&self.loss, a.clone(), b.clone(), ctx);
        StepOutput::new((pair(&image, &text) + pair(&strong, &text) + pair(&image, &strong)) / 3.0)
    }
}

vlp::core::delegate_embedder!(ThreeWay.encoder);

impl MethodConfig for ThreeWayConfig {
    const NAME: Option<&'static str> = Some("three-way");
    type Method<I: ImageEncoder, T: TextEncoder> = ThreeWay<I, T>;

    fn strong_views(&self) -> StrongViews {
        StrongViews::AtLeast(1)
    }

    fn init<I: ImageEncoder, T: TextEncoder>(&self, image: I, text: T, at: &Device) -> Result<ThreeWay<I, T>, Refused> {
        let encoder = DualEncoder::join(image, text, [ProjectionConfig::Linear; 2], self.embed_dim, at)?;
        Ok(ThreeWay { encoder, loss: ClipLossConfig::default().init(at)? })
    }
}

fn main() -> Result<(), vlp::Error> {
    let [_, recipe, out] = std::env::args().collect::<Vec<_>>().try_into().expect("own_method RECIPE OUT");
    let run = Run::new(Recipe::<ThreeWayConfig>::open_as(recipe)?, &device::open("flex")?)?;
    println!("{}", run.with_options(RunOptions::default().with_fresh(true)).fit(out)?.evaluate()?);
    Ok(())
}
