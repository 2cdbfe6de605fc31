//! Small helpers shared by the encoders.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

/// PyTorch's default for a linear layer's bias, and with `gain` 1/√3 for its weight: `U(-1/√in, 1/√in)`.
pub(crate) fn uniform_fan_in(input: usize) -> Initializer {
    uniform((1.0 / input as f64).sqrt())
}

/// `U(-bound, bound)`.
pub(crate) fn uniform(bound: f64) -> Initializer {
    Initializer::Uniform { min: -bound, max: bound }
}

/// A normal distribution around zero.
pub(crate) fn normal(std: f64) -> Initializer {
    Initializer::Normal { mean: 0.0, std }
}

/// A linear layer with its own initialisation for weight and bias (`None`: no bias).
pub(crate) fn linear(
    [input, output]: [usize; 2],
    weight: Initializer,
    bias: Option<Initializer>,
    device: &Device,
) -> Linear {
    Linear {
        weight: weight.init([input, output], device),
        bias: bias.map(|init| -> Param<Tensor<1>> { init.init([output], device) }),
    }
}

/// Applies a linear layer to the last axis as one product over all rows, in the type of x.
pub(crate) fn over_rows<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    let dtype = x.dtype();
    vlp_ops::linear(x, layer.weight.val().cast(dtype), layer.bias.as_ref().map(|bias| bias.val().cast(dtype)))
}

/// Applies a convolution in the type of x.
pub(crate) fn over_pixels(layer: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    if layer.weight.val().dtype() == dtype {
        return layer.forward(x);
    }
    // burn's layer casts nothing, so it gets cast parameters; the casts are part of the graph.
    let Conv2d { weight, bias, .. } = layer.clone();
    let cast = Conv2d {
        weight: weight.map(|weight| weight.cast(dtype)),
        bias: bias.map(|bias| bias.map(|bias| bias.cast(dtype))),
        ..layer.clone()
    };
    cast.forward(x)
}

/// Where a convolution's weights start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvInit {
    /// Normal, after the number of outputs a weight feeds, for ReLU (torchvision, timm).
    KaimingNormal,
    /// PyTorch's default.
    FanIn,
}

/// A convolution without bias, padded by half its kernel.
pub(crate) fn conv(channels: [usize; 2], kernel: usize, stride: usize, init: ConvInit, device: &Device) -> Conv2d {
    let half = kernel / 2;
    let initializer = match init {
        ConvInit::KaimingNormal => Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true },
        ConvInit::FanIn => uniform_fan_in(channels[0] * kernel * kernel),
    };
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(half, half, half, half))
        .with_bias(false)
        .with_initializer(initializer)
        .init(device)
}
