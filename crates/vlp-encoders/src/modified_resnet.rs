use burn::module::{Module, Param};
use burn::nn::conv::Conv2d;
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, Precision};
use vlp_ops::{AttentionOptions, attention};

use crate::layers::{ConvInit, conv, linear, normal, over_pixels, over_rows};
use crate::residual_block::{Downsampling, average_pool, stages};
use crate::resnet::check_stages;
use crate::size::{IMAGE, WIDTH, check_sizes};
use crate::{BatchNorm, EncoderError, ResNetBlock, ResidualBlock};

/// Configuration of a [`ModifiedResNet`]; the default is OpenAI's RN50.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModifiedResNetConfig {
    /// Side of the square pictures in pixels; the attention pool has positions for it.
    pub image_size: usize,
    /// Blocks of each stage.
    pub layers: [usize; 4],
    /// Channels behind the stem; the last feature map has 32 times as many.
    pub width: usize,
    /// Heads of the attention pool (`32 * width / 64` in open_clip's presets).
    pub heads: usize,
    /// Length of the vectors; the attention pool projects to it, so that a dual encoder needs no further head.
    pub output: usize,
}

impl Default for ModifiedResNetConfig {
    fn default() -> Self {
        ModifiedResNetConfig { image_size: 224, layers: [3, 4, 6, 3], width: 64, heads: 32, output: 1024 }
    }
}

/// OpenAI's ResNet (Radford et al. 2021): a stem of three convolutions, average pools in place of strides, and an attention
/// pool, which also projects.
#[derive(Module, Debug)]
pub struct ModifiedResNet {
    /// 3x3 convolutions of the stem; the first strides.
    pub convs: Vec<Conv2d>,
    /// One behind each convolution.
    pub norms: Vec<BatchNorm>,
    /// Blocks of the four stages.
    pub stages: Vec<Vec<ResidualBlock>>,
    /// Feature map to vector.
    pub pool: AttentionPool,
    image_size: usize,
    #[module(skip)]
    precision: Precision,
}

impl ModifiedResNetConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When a size is impossible: `image_size` no multiple of 32, `width` odd, heads that do not divide.
    pub fn init(&self, device: &Device) -> Result<ModifiedResNet, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("modified resnet", problem));
        let width = self.width;
        check_sizes("modified resnet", &[("width", width, WIDTH / 32), ("image_size", self.image_size, IMAGE)])?;
        check_sizes("modified resnet", &[("heads", self.heads, WIDTH), ("output", self.output, WIDTH)])?;
        if self.heads == 0 || self.output == 0 {
            return refuse(format!("heads {} and output {} must both be at least 1", self.heads, self.output));
        }
        let channels = [width, 2 * width, 4 * width, 8 * width];
        check_stages("modified resnet", &self.layers, &channels)?;
        if self.image_size == 0 || !self.image_size.is_multiple_of(32) {
            return refuse(format!("image_size {} is not a multiple of 32", self.image_size));
        }
        if !width.is_multiple_of(2) {
            return refuse(format!("the stem begins with half the width, and {width} is odd"));
        }
        if !(32 * width).is_multiple_of(self.heads) {
            return refuse(format!("{} heads do not divide the {} channels of the last stage", self.heads, 32 * width));
        }
        let stem = [[3, width / 2], [width / 2, width / 2], [width / 2, width]];
        let block = ResNetBlock::Bottleneck;
        Ok(ModifiedResNet {
            convs: stem
                .iter()
                .zip([2, 1, 1])
                .map(|(&shape, stride)| conv(shape, 3, stride, ConvInit::FanIn, device))
                .collect(),
            norms: stem.iter().map(|&[_, to]| BatchNorm::new(to, device)).collect(),
            stages: stages(block, Downsampling::Pool, width, self.layers, channels, device),
            pool: AttentionPool::new(self, device),
            image_size: self.image_size,
            precision: Precision::F32,
        })
    }
}

impl ModifiedResNet {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        ModifiedResNet { precision, ..self }
    }
}

impl ImageEncoder for ModifiedResNet {
    fn width(&self) -> usize {
        self.pool.output
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        let [_, channels, height, width] = images.dims();
        assert!(
            channels == 3 && height == self.image_size && width == self.image_size,
            "this encoder takes 3 x {0} x {0} pictures, got {channels} x {height} x {width}",
            self.image_size,
        );
        let stem = self.convs.iter().zip(&self.norms);
        let images = self.precision.narrow(images);
        let x = stem.fold(images, |x, (conv, norm)| activation::relu(norm.forward(over_pixels(conv, x))));
        let x = self.stages.iter().flatten().fold(average_pool(x, 2), |x, block| block.forward(x));
        Precision::widened(self.pool.forward(x))
    }
}

/// The mean of a feature map attends to its positions, and the result is projected.
#[derive(Module, Debug)]
pub struct AttentionPool {
    /// `[1 + side², channels]`, the mean's first.
    pub positions: Param<Tensor<2>>,
    /// `[channels, channels]`.
    pub q: Linear,
    /// `[channels, channels]`.
    pub k: Linear,
    /// `[channels, channels]`.
    pub v: Linear,
    /// `[channels, output]`.
    pub out: Linear,
    heads: usize,
    output: usize,
}

impl AttentionPool {
    fn new(config: &ModifiedResNetConfig, device: &Device) -> Self {
        let channels = 32 * config.width;
        let std = (channels as f64).powf(-0.5);
        // PyTorch's bias of a linear layer.
        let bias = Initializer::Uniform { min: -std, max: std };
        let layer = |to| linear([channels, to], normal(std), Some(bias.clone()), device);
        AttentionPool {
            positions: normal(std).init([1 + (config.image_size / 32).pow(2), channels], device),
            q: layer(channels),
            k: layer(channels),
            v: layer(channels),
            out: layer(config.output),
            heads: config.heads,
            output: config.output,
        }
    }

    /// Pools the positions of each picture by attention from their mean.
    ///
    /// # Shapes
    /// - x: `[batch, channels, side, side]`
    /// - returns `[batch, output]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let dtype = x.dtype();
        let tokens = Precision::widened(x).flatten::<3>(2, 3).swap_dims(1, 2);
        let tokens = Tensor::cat(vec![tokens.clone().mean_dim(1), tokens], 1) + self.positions.val().unsqueeze::<3>();
        let tokens = tokens.cast(dtype);
        let [batch, _, channels] = tokens.dims();
        // Only the mean's answer is used, so only it asks.
        let mean = tokens.clone().slice([0..batch, 0..1]);
        let (q, k, v) = (over_rows(&self.q, mean), over_rows(&self.k, tokens.clone()), over_rows(&self.v, tokens));
        let context = attention(q, k, v, AttentionOptions::new(self.heads));
        over_rows(&self.out, context.reshape([batch, channels]))
    }
}
