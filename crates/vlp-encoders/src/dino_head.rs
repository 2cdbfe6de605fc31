use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_core::Precision;

use crate::layers::{linear, normal, over_rows, uniform_fan_in};
use crate::size::{VOCABULARY, WIDTH, check_memory, check_sizes};
use crate::{Activation, EncoderError};

/// Configuration of a [`DinoHead`]; the default is DINO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DinoHeadConfig {
    /// Width of the two hidden layers.
    pub hidden: usize,
    /// Length of the vectors that are normalised.
    pub bottleneck: usize,
    /// Number of prototypes.
    pub output: usize,
}

impl Default for DinoHeadConfig {
    fn default() -> Self {
        DinoHeadConfig { hidden: 2048, bottleneck: 256, output: 65_536 }
    }
}

/// DINO's head (Caron et al. 2021): three linear layers with GELU between, the result normalised and compared with unit
/// prototypes: `scores = (x / |x|) · (v / |v|)`. The prototypes' gain is fixed at 1 (`norm_last_layer`).
#[derive(Module, Debug)]
pub struct DinoHead {
    /// The linear layers.
    pub layers: Vec<Linear>,
    /// Directions of the prototypes, `[bottleneck, output]`, of any length.
    pub prototypes: Param<Tensor<2>>,
}

impl DinoHeadConfig {
    /// A head for vectors of `input` elements.
    ///
    /// # Errors
    /// When a size is zero.
    pub fn init(&self, input: usize, device: &Device) -> Result<DinoHead, EncoderError> {
        let widths = [input, self.hidden, self.hidden, self.bottleneck];
        if widths.contains(&0) || self.output == 0 {
            let problem = format!("widths {widths:?} and {} prototypes must all be at least 1", self.output);
            return Err(EncoderError::config("dino head", problem));
        }
        check_sizes("dino head", &widths.map(|width| ("width", width, 4 * WIDTH)))?;
        check_sizes("dino head", &[("prototypes", self.output, VOCABULARY)])?;
        check_memory("dino head", self.bottleneck as f64 * self.output as f64)?;
        let layer = |pair: &[usize]| linear([pair[0], pair[1]], normal(0.02), Some(Initializer::Zeros), device);
        Ok(DinoHead {
            layers: widths.windows(2).map(layer).collect(),
            prototypes: uniform_fan_in(self.bottleneck).init([self.bottleneck, self.output], device),
        })
    }
}

impl DinoHead {
    /// Scores of vectors against the prototypes.
    ///
    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, output]`, cosines; f32 for half precision
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        let x = self.layers.iter().enumerate().fold(x, |x, (index, layer)| {
            let x = over_rows(layer, x);
            if index < last { Activation::Gelu.forward(x) } else { x }
        });
        unit(Precision::widened(x), 1).matmul(unit(self.prototypes.val(), 0))
    }
}

/// Divides by the Euclidean norm along an axis, which is taken as at least 1e-12.
fn unit(x: Tensor<2>, axis: usize) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(axis).sqrt().clamp_min(1e-12);
    x / norm
}
