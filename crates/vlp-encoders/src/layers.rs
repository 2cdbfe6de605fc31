//! Small helpers shared by the encoders.

use burn::module::Param;
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor};

/// PyTorch's default for a linear layer's bias, and with `gain` 1/√3 for its weight: `U(-1/√in, 1/√in)`.
pub(crate) fn uniform_fan_in(input: usize) -> Initializer {
    let bound = (1.0 / input as f64).sqrt();
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

/// Applies a linear layer to the last axis as one product over all rows.
///
/// burn keeps the batch axis apart for some row counts and then multiplies matrix by matrix, which is slow for short
/// sequences; the weight is the same for every row, so the batch can always be folded in.
pub(crate) fn over_rows(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    let [batch, length, width] = x.dims();
    let y = layer.forward(x.reshape([batch * length, width]));
    let out = y.dims()[1];
    y.reshape([batch, length, out])
}
