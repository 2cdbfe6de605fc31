use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::{ImageEncoder, Precision};

use crate::drop::drop_path_rate;
use crate::layers::{linear, normal, over_pixels, over_rows};
use crate::resnet::{check_pictures, check_stages};
use crate::{Activation, DropPath, EncoderError, LayerNorm};

/// Configuration of a [`ConvNext`]; the default is ConvNeXt-T.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConvNextConfig {
    /// Blocks of each stage.
    pub layers: [usize; 4],
    /// Channels of each stage; the vectors have `channels[3]` elements.
    pub channels: [usize; 4],
    /// Where the scale of each block's branch starts; none: branches are not scaled.
    pub layer_scale: Option<f64>,
    /// Probability of dropping the last block's branch for one sample while training; rises linearly from the first.
    pub drop_path: f64,
}

impl Default for ConvNextConfig {
    fn default() -> Self {
        let channels = [96, 192, 384, 768];
        ConvNextConfig { layers: [3, 3, 9, 3], channels, layer_scale: Some(1e-6), drop_path: 0.0 }
    }
}

/// ConvNeXt (Liu et al. 2022) in timm's layout: 4x4 patches, four stages, mean over the picture, a last layer normalisation.
/// Layer normalisation has epsilon 1e-6 and runs over channels. Takes pictures of any size from 32 x 32 up.
#[derive(Module, Debug)]
pub struct ConvNext {
    /// 4x4, stride 4, with bias.
    pub stem_conv: Conv2d,
    /// After `stem_conv`.
    pub stem_norm: LayerNorm,
    /// The four stages.
    pub stages: Vec<ConvNextStage>,
    /// After pooling.
    pub norm: LayerNorm,
    width: usize,
    #[module(skip)]
    precision: Precision,
}

/// Halves the picture (the first stage apart), then blocks.
#[derive(Module, Debug)]
pub struct ConvNextStage {
    /// In front of `downsample_conv`.
    pub downsample_norm: Option<LayerNorm>,
    /// 2x2, stride 2, with bias.
    pub downsample_conv: Option<Conv2d>,
    /// The blocks.
    pub blocks: Vec<ConvNextBlock>,
}

/// `x + drop(scale fc_2(gelu(fc_1(norm(depthwise(x))))))`.
#[derive(Module, Debug)]
pub struct ConvNextBlock {
    /// 7x7, one filter a channel, with bias.
    pub depthwise: Conv2d,
    /// Over channels.
    pub norm: LayerNorm,
    /// To four times as many channels.
    pub fc_1: Linear,
    /// And back.
    pub fc_2: Linear,
    /// LayerScale, `[channels]`.
    pub scale: Option<Param<Tensor<1>>>,
    /// Stochastic depth.
    pub drop_path: DropPath,
}

impl ConvNextConfig {
    /// Builds the encoder.
    ///
    /// # Errors
    /// When a stage has no block or no channel, or a number is out of range.
    pub fn init(&self, device: &Device) -> Result<ConvNext, EncoderError> {
        check_stages("convnext", &self.layers, &self.channels)?;
        if !(0.0..1.0).contains(&self.drop_path) {
            return Err(EncoderError::config("convnext", format!("drop_path {} is not in [0, 1)", self.drop_path)));
        }
        if let Some(value) = self.layer_scale.filter(|value| !value.is_finite()) {
            return Err(EncoderError::config("convnext", format!("layer_scale {value} is not finite")));
        }
        let (depth, mut built, mut input) = (self.layers.iter().sum(), 0, self.channels[0]);
        let mut stages = Vec::with_capacity(4);
        for (blocks, channels) in self.layers.into_iter().zip(self.channels) {
            let rates = (built..built + blocks).map(|index| drop_path_rate(self.drop_path, index, depth));
            let shrinks = built > 0;
            stages.push(ConvNextStage {
                downsample_norm: shrinks.then(|| norm(input, device)),
                downsample_conv: shrinks.then(|| conv([input, channels], 2, device)),
                blocks: rates.map(|rate| ConvNextBlock::new(channels, self.layer_scale, rate, device)).collect(),
            });
            (built, input) = (built + blocks, channels);
        }
        Ok(ConvNext {
            stem_conv: conv([3, self.channels[0]], 4, device),
            stem_norm: norm(self.channels[0], device),
            stages,
            norm: norm(input, device),
            width: input,
            precision: Precision::F32,
        })
    }
}

fn norm(channels: usize, device: &Device) -> LayerNorm {
    LayerNorm::new(channels, 1e-6, device)
}

/// A convolution that starts as timm's ConvNeXt does: N(0, 0.02), bias zero.
fn started(config: Conv2dConfig, device: &Device) -> Conv2d {
    let channels = config.channels[1];
    let mut conv = config.with_initializer(normal(0.02)).init(device);
    conv.bias = Some(Initializer::Zeros.init([channels], device));
    conv
}

/// A convolution whose stride is its kernel.
fn conv(channels: [usize; 2], kernel: usize, device: &Device) -> Conv2d {
    started(Conv2dConfig::new(channels, [kernel, kernel]).with_stride([kernel, kernel]), device)
}

impl ConvNextBlock {
    fn new(channels: usize, layer_scale: Option<f64>, drop_path: f64, device: &Device) -> Self {
        let depthwise = Conv2dConfig::new([channels, channels], [7, 7])
            .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
            .with_groups(channels);
        let layer = |from, to| linear([from, to], normal(0.02), Some(Initializer::Zeros), device);
        ConvNextBlock {
            depthwise: started(depthwise, device),
            norm: norm(channels, device),
            fc_1: layer(channels, 4 * channels),
            fc_2: layer(4 * channels, channels),
            scale: layer_scale.map(|value| Initializer::Constant { value }.init([channels], device)),
            drop_path: DropPath::new(drop_path),
        }
    }

    /// The block's output: its input and the branch beside it.
    ///
    /// # Shapes
    /// - x and result: `[batch, channels, height, width]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = over_pixels(&self.depthwise, x.clone()).permute([0, 2, 3, 1]);
        let [batch, height, width, channels] = y.dims();
        let rows = self.norm.forward(y.reshape([batch * height * width, channels]));
        let rows = over_rows(&self.fc_2, Activation::Gelu.forward(over_rows(&self.fc_1, rows)));
        let rows = match &self.scale {
            Some(scale) => {
                let scale = scale.val().cast(rows.dtype());
                rows * scale.unsqueeze::<2>()
            }
            None => rows,
        };
        x + self.drop_path.forward(rows.reshape([batch, height, width, channels]).permute([0, 3, 1, 2]))
    }
}

/// Layer normalisation over the channels of `[batch, channels, height, width]`.
fn over_channels(norm: &LayerNorm, x: Tensor<4>) -> Tensor<4> {
    norm.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
}

impl ConvNextStage {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = match (&self.downsample_norm, &self.downsample_conv) {
            (Some(norm), Some(conv)) => over_pixels(conv, over_channels(norm, x)),
            _ => x,
        };
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }
}

impl ConvNext {
    /// The same encoder with layers that compute in `precision`.
    pub fn with_precision(self, precision: Precision) -> Self {
        ConvNext { precision, ..self }
    }
}

impl ImageEncoder for ConvNext {
    fn width(&self) -> usize {
        self.width
    }

    fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        check_pictures(&images);
        let x = over_channels(&self.stem_norm, over_pixels(&self.stem_conv, self.precision.narrow(images)));
        let x = self.stages.iter().fold(x, |x, stage| stage.forward(x));
        self.norm.forward(Precision::widened(x).flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2))
    }
}
