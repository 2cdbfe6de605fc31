use burn::module::Module;
use burn::nn::{Initializer, Linear};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::EncoderError;
use crate::layers::{linear, normal, over_rows};
use crate::mlp_head::{MlpHead, MlpHeadConfig};
use crate::size::{WIDTH, check_memory, check_sizes};

/// How an encoder's vectors are projected into the space where pairs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ProjectionConfig {
    /// Nothing: the encoder projects already (OpenAI's ResNets, SigLIP's image tower).
    Identity,
    /// One matrix without bias (CLIP, and CLIP-rocket's weak pairs); starts as N(0, in^-1/2).
    #[default]
    Linear,
    /// One matrix with a bias (SigLIP's text tower); starts as N(0, in^-1/2) and zero.
    BiasedLinear,
    /// Three linear layers with batch normalisation and ReLU between (CLIP-rocket's strong pairs, hidden 4096).
    Mlp {
        /// Width of the two hidden layers.
        hidden: usize,
    },
}

/// A projection head, built by [`ProjectionConfig::init`].
#[derive(Module, Debug)]
pub enum ProjectionHead {
    /// Nothing; holds the number of columns.
    Identity(Identity),
    /// One matrix.
    Linear(Linear),
    /// MLP with batch normalisation.
    Mlp(MlpHead),
}

/// Passes vectors on.
#[derive(Module, Debug)]
pub struct Identity {
    columns: usize,
}

impl ProjectionConfig {
    /// A head from `input` to `output` columns.
    ///
    /// # Errors
    /// When a size is zero, or the identity is asked to change the number of columns.
    pub fn init(&self, [input, output]: [usize; 2], device: &Device) -> Result<ProjectionHead, EncoderError> {
        let refuse = |problem: String| Err(EncoderError::config("projection head", problem));
        if input == 0 || output == 0 || matches!(self, ProjectionConfig::Mlp { hidden: 0 }) {
            return refuse(format!("{self:?} from {input} to {output} columns has a layer without units"));
        }
        check_sizes("projection head", &[("columns", input.max(output), 4 * WIDTH)])?;
        check_memory("projection head", input as f64 * output as f64)?;
        let matrix = |bias: Option<Initializer>| {
            ProjectionHead::Linear(linear([input, output], normal((input as f64).powf(-0.5)), bias, device))
        };
        Ok(match *self {
            ProjectionConfig::Identity if input == output => ProjectionHead::Identity(Identity { columns: input }),
            ProjectionConfig::Identity => {
                return refuse(format!("the identity cannot turn {input} columns into {output}"));
            }
            ProjectionConfig::Linear => matrix(None),
            ProjectionConfig::BiasedLinear => matrix(Some(Initializer::Zeros)),
            ProjectionConfig::Mlp { hidden } => {
                ProjectionHead::Mlp(MlpHeadConfig::new([hidden, hidden, output]).init(input, device)?)
            }
        })
    }
}

impl ProjectionHead {
    /// Projects vectors.
    ///
    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, output]`, not normalised
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            ProjectionHead::Identity(identity) => {
                assert_eq!(x.dims()[1], identity.columns, "this head passes on vectors of another length");
                x
            }
            ProjectionHead::Linear(layer) => over_rows(layer, x),
            ProjectionHead::Mlp(mlp) => mlp.forward(x),
        }
    }
}
