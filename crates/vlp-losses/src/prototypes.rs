use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::soft_cross_entropy::widened;
use crate::{LossError, l2_normalize};

/// Size of [`Prototypes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrototypesConfig {
    /// How many there are: 3000 in SwAV and SwALIP V1.
    pub prototypes: usize,
    /// Width of the vectors they are compared with: 128 in both.
    pub dim: usize,
}

impl Default for PrototypesConfig {
    fn default() -> Self {
        PrototypesConfig { prototypes: 3000, dim: 128 }
    }
}

/// Learnable directions without bias; vectors are scored by their cosine with each.
///
/// ```text
/// scores = n(x) n(W)ᵀ      n(x) = x / max(‖x‖, 1e-12)
/// ```
///
/// Caron et al. 2020 (SwAV) rescales the rows of `W` to length 1 before each step; here, as in CLIP-rocket's
/// weight-normed layer of gain 1, they are normalised on the way, so that gradients are those of the sphere. Both papers
/// keep prototypes still for the first steps (100 in SwALIP V1): leave their gradient out until then.
#[derive(Module, Debug)]
pub struct Prototypes {
    /// One per row, `[prototypes, dim]`, of any length.
    pub weight: Param<Tensor<2>>,
}

impl PrototypesConfig {
    /// Builds the prototypes, uniform in `±1 / √dim` as PyTorch starts a linear layer.
    ///
    /// # Errors
    /// When there are none, or they have no width.
    pub fn init(&self, device: &Device) -> Result<Prototypes, LossError> {
        let PrototypesConfig { prototypes, dim } = *self;
        if prototypes == 0 || dim == 0 {
            return Err(LossError::PrototypesSize { prototypes, dim });
        }
        let bound = 1.0 / (dim as f64).sqrt();
        Ok(Prototypes { weight: Initializer::Uniform { min: -bound, max: bound }.init([prototypes, dim], device) })
    }
}

impl Prototypes {
    /// Cosine of every vector with every prototype.
    ///
    /// # Shapes
    /// - x: `[rows, dim]`, not normalised, scored in f32 if it is in half precision
    /// - result: `[rows, prototypes]`
    ///
    /// # Panics
    /// When the width of `x` is not that of the prototypes.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let ([_, given], [_, dim]) = (x.dims(), self.weight.dims());
        assert_eq!(given, dim, "prototypes of width {dim} cannot score vectors of width {given}");
        l2_normalize(widened(x)).matmul(l2_normalize(widened(self.weight.val())).transpose())
    }
}
