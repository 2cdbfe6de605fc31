use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::BatchNorm;
use crate::layers::{ConvInit, conv, over_pixels};

/// The two residual blocks of He et al. 2016.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResNetBlock {
    /// Two 3x3 convolutions; the first one strides.
    Basic,
    /// 1x1, 3x3, 1x1 with four times as many channels at the end; the 3x3 strides (version 1.5).
    #[default]
    Bottleneck,
}

impl ResNetBlock {
    /// Output channels over inner channels.
    pub fn expansion(self) -> usize {
        match self {
            ResNetBlock::Basic => 1,
            ResNetBlock::Bottleneck => 4,
        }
    }
}

/// How a block halves its picture, and with it whose weights it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Downsampling {
    /// Convolutions that stride (torchvision, timm).
    Stride,
    /// An average pool in front of the convolution that would stride (OpenAI).
    Pool,
}

/// What one block is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockShape {
    pub(crate) kind: ResNetBlock,
    pub(crate) input: usize,
    pub(crate) inner: usize,
    pub(crate) stride: usize,
    pub(crate) downsampling: Downsampling,
}

/// `relu(branch(x) + shortcut(x))`; the branch is convolutions with batch normalisation and ReLU between.
#[derive(Module, Debug)]
pub struct ResidualBlock {
    /// 1x1 in a bottleneck, else 3x3.
    pub conv_1: Conv2d,
    /// After `conv_1`.
    pub norm_1: BatchNorm,
    /// 3x3.
    pub conv_2: Conv2d,
    /// After `conv_2`.
    pub norm_2: BatchNorm,
    /// 1x1, in a bottleneck only.
    pub conv_3: Option<Conv2d>,
    /// After `conv_3`.
    pub norm_3: Option<BatchNorm>,
    /// 1x1 on the shortcut, where the shape changes.
    pub shortcut_conv: Option<Conv2d>,
    /// After `shortcut_conv`.
    pub shortcut_norm: Option<BatchNorm>,
    /// Side of the average pool in front of `conv_3` and `shortcut_conv`; 1 is none.
    pool: usize,
}

impl ResidualBlock {
    pub(crate) fn new(shape: BlockShape, device: &Device) -> Self {
        let BlockShape { kind, input, inner, stride, downsampling } = shape;
        let output = inner * kind.expansion();
        let (stride, pool, init) = match downsampling {
            Downsampling::Stride => (stride, 1, ConvInit::KaimingNormal),
            Downsampling::Pool => (1, stride, ConvInit::FanIn),
        };
        let conv = |channels, kernel, stride| conv(channels, kernel, stride, init, device);
        let changes = stride > 1 || pool > 1 || input != output;
        let bottleneck = kind == ResNetBlock::Bottleneck;
        let (kernel_1, stride_1, stride_2) = if bottleneck { (1, 1, stride) } else { (3, stride, 1) };
        let norm_2 = if bottleneck { BatchNorm::new } else { BatchNorm::zero };
        ResidualBlock {
            conv_1: conv([input, inner], kernel_1, stride_1),
            norm_1: BatchNorm::new(inner, device),
            conv_2: conv([inner, inner], 3, stride_2),
            norm_2: norm_2(inner, device),
            conv_3: bottleneck.then(|| conv([inner, output], 1, 1)),
            norm_3: bottleneck.then(|| BatchNorm::zero(output, device)),
            shortcut_conv: changes.then(|| conv([input, output], 1, stride)),
            shortcut_norm: changes.then(|| BatchNorm::new(output, device)),
            pool,
        }
    }

    /// The block's output: its branch and its shortcut, summed.
    ///
    /// # Shapes
    /// - x: `[batch, input, height, width]`
    /// - returns `[batch, output, height / stride, width / stride]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut branch = activation::relu(self.norm_1.forward(over_pixels(&self.conv_1, x.clone())));
        branch = self.norm_2.forward(over_pixels(&self.conv_2, branch));
        if let (Some(conv), Some(norm)) = (&self.conv_3, &self.norm_3) {
            branch = norm.forward(over_pixels(conv, average_pool(activation::relu(branch), self.pool)));
        }
        let shortcut = match (&self.shortcut_conv, &self.shortcut_norm) {
            (Some(conv), Some(norm)) => norm.forward(over_pixels(conv, average_pool(x, self.pool))),
            _ => x,
        };
        activation::relu(branch + shortcut)
    }
}

/// Averages over squares of this side, side by side.
pub(crate) fn average_pool(x: Tensor<4>, side: usize) -> Tensor<4> {
    if side == 1 { x } else { avg_pool2d(x, AvgPoolOptions::new([side, side])) }
}

/// Four stages of blocks; the first keeps the size of the picture, each other halves it.
pub(crate) fn stages(
    kind: ResNetBlock,
    downsampling: Downsampling,
    mut input: usize,
    layers: [usize; 4],
    channels: [usize; 4],
    device: &Device,
) -> Vec<Vec<ResidualBlock>> {
    let mut stages = Vec::with_capacity(4);
    for (stage, (blocks, inner)) in layers.into_iter().zip(channels).enumerate() {
        let mut built = Vec::with_capacity(blocks);
        for index in 0..blocks {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            built.push(ResidualBlock::new(BlockShape { kind, input, inner, stride, downsampling }, device));
            input = inner * kind.expansion();
        }
        stages.push(built);
    }
    stages
}
