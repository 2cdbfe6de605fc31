use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, Precision};

use crate::layers::{ConvInit, conv, over_pixels};
use crate::residual_block::{Downsampling, stages};
use crate::size::{DEPTH, WIDTH, check_memory, check_sizes};
use crate::{BatchNorm, EncoderError, ResNetBlock, ResidualBlock};

/// Channels behind the first convolution.
const STEM: usize = 64;

/// Configuration of a [`ResNet`]; the default is ResNet-50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResNetConfig {
    /// Kind of residual block.
    pub block: ResNetBlock,
    /// Blocks of each stage.
    pub layers: [usize; 4],
    /// Inner channels of each stage's blocks; the vectors have `channels[3]` times 1 (basic) or 4 (bottleneck) elements.
    pub channels: [usize; 4],
}

impl Default for ResNetConfig {
    fn default() -> Self {
        ResNetConfig { block: ResNetBlock::Bottleneck, layers: [3, 4, 6, 3], channels: [64, 128, 256, 512] }
    }
}

/// ResNet (He et al. 2016) as in torchvision and timm, version 1.5: 7x7 convolution of stride 2, 3x3 maximum, four stages,
/// mean over the picture. The last batch normalisation of every block starts with scale 0.
///
/// Takes pictures of any size from 32 x 32 up. This is clip-rocket's `R50`; OpenAI's `RN50` is
/// [`ModifiedResNet`](crate::ModifiedResNet).
#[derive(Module, Debug)]
pub struct ResNet {
    /// 7x7, stride 2.
    pub conv_1: Conv2d,
    /// After `conv_1`.
    pub norm_1: BatchNorm,
    /// Blocks of the four stages.
    pub stages: Vec<Vec<ResidualBlock>>,
    width: usize,
    #[module(skip)]
    precision: Precision,
}

impl ResNetConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When a stage has no block or no channel.
    pub fn init(&self, device: &Device) -> Result<ResNet, EncoderError> {
        check_stages("resnet", &self.layers, &self.channels)?;
        Ok(ResNet {
            conv_1: conv([3, STEM], 7, 2, ConvInit::KaimingNormal, device),
            norm_1: BatchNorm::new(STEM, device),
            stages: stages(self.block, Downsampling::Stride, STEM, self.layers, self.channels, device),
            width: self.channels[3] * self.block.expansion(),
            precision: Precision::F32,
        })
    }
}

/// Refuses stages without a block or channel.
pub(crate) fn check_stages(
    module: &'static str,
    layers: &[usize; 4],
    channels: &[usize; 4],
) -> Result<(), EncoderError> {
    if layers.contains(&0) || channels.contains(&0) {
        let problem = format!("every stage needs a block and a channel, got {layers:?} and {channels:?}");
        return Err(EncoderError::config(module, problem));
    }
    layers.iter().try_for_each(|&blocks| check_sizes(module, &[("blocks of a stage", blocks, DEPTH)]))?;
    channels.iter().try_for_each(|&number| check_sizes(module, &[("channels", number, WIDTH)]))?;
    // At least eight squares of the channels a block, as ConvNeXt has.
    let stage = |(&blocks, &channels): (&usize, &usize)| 8.0 * blocks as f64 * (channels as f64).powi(2);
    check_memory(module, layers.iter().zip(channels).map(stage).sum())
}

/// Refuses pictures that five halvings leave nothing of.
///
/// # Panics
/// When the pictures have not 3 channels, or fewer than 32 pixels a side.
pub(crate) fn check_pictures(images: &Tensor<4>) {
    let [_, channels, height, width] = images.dims();
    assert!(
        channels == 3 && height >= 32 && width >= 32,
        "this encoder takes pictures of 3 channels and at least 32 x 32 pixels, got {channels} x {height} x {width}"
    );
}

impl ResNet {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        ResNet { precision, ..self }
    }
}

impl ImageEncoder for ResNet {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        check_pictures(&images);
        let x = over_pixels(&self.conv_1, self.precision.narrow(images));
        let x = activation::relu(self.norm_1.forward(x));
        let x = max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
        let x = self.stages.iter().flatten().fold(x, |x, block| block.forward(x));
        Precision::widened(x).flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
    }
}
