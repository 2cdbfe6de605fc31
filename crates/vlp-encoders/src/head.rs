use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::layers::{linear, normal, uniform_fan_in};
use crate::{BatchNorm, EncoderError};

/// How an encoder's vectors are projected into the space where pairs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProjectionConfig {
    /// One matrix without bias (CLIP, and CLIP-rocket's weak pairs); starts as N(0, in^-1/2).
    Linear,
    /// Three linear layers with batch normalisation and ReLU between (CLIP-rocket's strong pairs, hidden 4096).
    Mlp {
        /// Width of the two hidden layers.
        hidden: usize,
    },
}

/// A projection head, built by [`ProjectionConfig::init`].
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "burn has no boxed modules, and a model holds a handful of heads")]
pub enum ProjectionHead {
    /// One matrix.
    Linear(Linear),
    /// MLP with batch normalisation.
    Mlp(MlpHead),
}

impl ProjectionConfig {
    /// A head from `input` to `output` columns.
    ///
    /// # Errors
    /// When a size is zero.
    pub fn init(&self, [input, output]: [usize; 2], device: &Device) -> Result<ProjectionHead, EncoderError> {
        if input == 0 || output == 0 || matches!(self, ProjectionConfig::Mlp { hidden: 0 }) {
            let problem = format!("{self:?} from {input} to {output} columns has a layer without units");
            return Err(EncoderError::config("projection head", problem));
        }
        Ok(match *self {
            ProjectionConfig::Linear => {
                let weight = normal((input as f64).powf(-0.5));
                ProjectionHead::Linear(linear([input, output], weight, None, device))
            }
            ProjectionConfig::Mlp { hidden } => ProjectionHead::Mlp(MlpHead::new([input, hidden, output], device)),
        })
    }
}

impl ProjectionHead {
    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, output]`, not normalised
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            ProjectionHead::Linear(layer) => layer.forward(x),
            ProjectionHead::Mlp(mlp) => mlp.forward(x),
        }
    }
}

/// `Linear, BatchNorm, ReLU, Linear, BatchNorm, ReLU, Linear`, every linear layer with bias and PyTorch's initialisation.
#[derive(Module, Debug)]
pub struct MlpHead {
    /// Input to hidden.
    pub fc_1: Linear,
    /// After `fc_1`.
    pub norm_1: BatchNorm,
    /// Hidden to hidden.
    pub fc_2: Linear,
    /// After `fc_2`.
    pub norm_2: BatchNorm,
    /// Hidden to output.
    pub fc_3: Linear,
}

impl MlpHead {
    fn new([input, hidden, output]: [usize; 3], device: &Device) -> Self {
        let layer = |from, to| linear([from, to], uniform_fan_in(from), Some(uniform_fan_in(from)), device);
        MlpHead {
            fc_1: layer(input, hidden),
            norm_1: BatchNorm::new(hidden, device),
            fc_2: layer(hidden, hidden),
            norm_2: BatchNorm::new(hidden, device),
            fc_3: layer(hidden, output),
        }
    }

    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, output]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = activation::relu(self.norm_1.forward(self.fc_1.forward(x)));
        let x = activation::relu(self.norm_2.forward(self.fc_2.forward(x)));
        self.fc_3.forward(x)
    }
}
