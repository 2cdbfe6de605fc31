use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::layers::{ConvInit, conv, linear, over_pixels, over_rows, uniform, uniform_fan_in};
use crate::size::{IMAGE, WIDTH, check_sizes};
use crate::{BatchNorm, EncoderError};

/// How a picture becomes a sequence of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StemConfig {
    /// Square patches side by side, each projected linearly.
    Patch {
        /// Side of a patch in pixels.
        size: usize,
    },
    /// 3x3 convolutions of stride 2, each followed by batch normalisation and ReLU, then a 1x1 convolution to the width
    /// of the transformer (Xiao et al. 2021, "Early convolutions help transformers see better").
    Conv {
        /// Channels after each convolution; n of them divide the side by 2^n.
        channels: Vec<usize>,
    },
}

impl StemConfig {
    /// Pixels along one side of the picture that one token stands for.
    pub fn stride(&self) -> usize {
        match self {
            StemConfig::Patch { size } => *size,
            // More than 8 are refused when it is built; this may be asked before.
            StemConfig::Conv { channels } => 1usize.checked_shl(channels.len() as u32).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn check(&self) -> Result<(), EncoderError> {
        let refuse = |problem: &str| Err(EncoderError::config("stem", problem));
        match self {
            StemConfig::Patch { size: 0 } => refuse("patch size 0; use 8, 16 or 32"),
            StemConfig::Conv { channels } if channels.is_empty() || channels.contains(&0) => {
                refuse("channels must name at least one convolution, each with at least one channel")
            }
            StemConfig::Patch { size } => check_sizes("stem", &[("patch size", *size, IMAGE)]),
            StemConfig::Conv { channels } if channels.iter().any(|&channels| channels > WIDTH) => {
                refuse("a convolution with more than 65536 channels")
            }
            StemConfig::Conv { channels } if channels.len() > 8 => refuse("more than 8 convolutions of stride 2"),
            _ => Ok(()),
        }
    }

    /// With `xavier`, patches start as in MoCo v3, otherwise as a convolution in PyTorch.
    pub(crate) fn init(&self, width: usize, bias: bool, xavier: bool, device: &Device) -> Stem {
        let inputs = match self {
            StemConfig::Patch { size } => 3 * size * size,
            StemConfig::Conv { channels } => channels[channels.len() - 1],
        };
        let weight = if xavier { uniform((6.0 / (inputs + width) as f64).sqrt()) } else { uniform_fan_in(inputs) };
        let projection = linear([inputs, width], weight, bias.then(|| uniform_fan_in(inputs)), device);
        match self {
            StemConfig::Patch { size } => Stem::Patch(PatchStem { projection, size: *size }),
            StemConfig::Conv { channels } => Stem::Conv(ConvStem::new(channels, projection, device)),
        }
    }
}

/// A stem, built from a [`StemConfig`].
#[derive(Module, Debug)]
pub enum Stem {
    /// Linear patches.
    Patch(PatchStem),
    /// Convolutions.
    Conv(ConvStem),
}

impl Stem {
    /// Turns pictures into tokens.
    ///
    /// # Shapes
    /// - images: `[batch, 3, side, side]`
    /// - returns `[batch, tokens, width]`, row by row
    pub fn forward(&self, images: Tensor<4>) -> Tensor<3> {
        match self {
            Stem::Patch(stem) => stem.forward(images),
            Stem::Conv(stem) => stem.forward(images),
        }
    }
}

/// Patches cut out and projected: a convolution whose stride is its kernel, written as one matrix product.
#[derive(Module, Debug)]
pub struct PatchStem {
    /// `[3 * size * size, width]`, rows in the order channel, y, x.
    pub projection: Linear,
    size: usize,
}

impl PatchStem {
    fn forward(&self, images: Tensor<4>) -> Tensor<3> {
        let [batch, channels, height, width] = images.dims();
        let (rows, columns) = (height / self.size, width / self.size);
        let whole = [0..batch, 0..channels, 0..rows * self.size, 0..columns * self.size];
        let images =
            if [rows * self.size, columns * self.size] == [height, width] { images } else { images.slice(whole) };
        let patches = images
            .reshape([batch, channels, rows, self.size, columns, self.size])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, rows * columns, channels * self.size * self.size]);
        over_rows(&self.projection, patches)
    }
}

/// Convolutions of stride 2.
#[derive(Module, Debug)]
pub struct ConvStem {
    /// 3x3, stride 2, without bias.
    pub convs: Vec<Conv2d>,
    /// One behind each convolution.
    pub norms: Vec<BatchNorm>,
    /// The last 1x1 convolution, as a linear layer.
    pub projection: Linear,
}

impl ConvStem {
    fn new(channels: &[usize], projection: Linear, device: &Device) -> Self {
        let inputs = std::iter::once(3).chain(channels.iter().copied());
        let convs =
            inputs.zip(channels).map(|(from, &to)| conv([from, to], 3, 2, ConvInit::KaimingNormal, device)).collect();
        let norms = channels.iter().map(|&channels| BatchNorm::new(channels, device)).collect();
        ConvStem { convs, norms, projection }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<3> {
        let x = self
            .convs
            .iter()
            .zip(&self.norms)
            .fold(images, |x, (conv, norm)| activation::relu(norm.forward(over_pixels(conv, x))));
        let tokens = x.flatten::<3>(2, 3).swap_dims(1, 2);
        over_rows(&self.projection, tokens)
    }
}
