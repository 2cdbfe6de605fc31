//! An image encoder of your own under any method of the library, trained from a TOML file.
//!
//! ```text
//! cargo run --release --example own_encoder -- examples/own_encoder.toml runs/own_encoder
//! ```

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor, activation::relu};
use serde::{Deserialize, Serialize};
use vlp::encoders::{EncoderError, ImageEncoderConfig};
use vlp::methods::AnyMethodConfig;
use vlp::prelude::*;

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
struct SmallConvConfig {
    channels: Vec<usize>,
}

/// Convolutions that halve the picture, then the mean over positions.
#[derive(Module, Debug)]
struct SmallConv {
    layers: Vec<Conv2d>,
}

impl ImageEncoderConfig for SmallConvConfig {
    const KIND: Option<&'static str> = Some("small-conv");
    type Encoder = SmallConv;

    fn init(&self, device: &Device) -> Result<SmallConv, EncoderError> {
        let layer = |pair: &[usize]| Conv2dConfig::new([pair[0], pair[1]], [3, 3]).with_stride([2, 2]);
        let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
        let layers = self.channels.windows(2).map(|pair| layer(pair).with_padding(padding.clone()).init(device));
        Ok(SmallConv { layers: layers.collect() })
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

fn main() -> Result<(), vlp::Error> {
    let [_, recipe, out] = std::env::args().collect::<Vec<_>>().try_into().expect("own_encoder RECIPE OUT");
    let recipe = Recipe::<AnyMethodConfig, SmallConvConfig>::open_as(recipe)?;
    let run = Run::new(recipe, &device::open("flex")?)?.with_options(RunOptions::default().with_fresh(true));
    println!("{}", run.fit(out)?.evaluate()?);
    Ok(())
}
