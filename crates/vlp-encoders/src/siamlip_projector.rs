use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::mlp_head::{LastNorm, MlpHead, MlpHeadConfig};
use crate::{BatchNorm, EncoderError};

/// Configuration of a [`SiamLipProjector`]; the default is clip-rocket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SiamLipProjectorConfig {
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Length of the projections.
    pub output: usize,
    /// Whether the projections are batch-normalised, without scale and shift.
    pub last_norm: bool,
}

impl Default for SiamLipProjectorConfig {
    fn default() -> Self {
        SiamLipProjectorConfig { hidden: 2048, output: 128, last_norm: true }
    }
}

/// SiamLIP's and BYOLIP's projector: two linear layers without bias that weak and strong views share, and for each kind of
/// view a batch normalisation of its own, without scale and shift, at the end.
#[derive(Module, Debug)]
pub struct SiamLipProjector {
    /// What all views pass.
    pub shared: MlpHead,
    /// Behind it for weak views.
    pub weak_norm: Option<BatchNorm>,
    /// Behind it for strong views.
    pub strong_norm: Option<BatchNorm>,
}

impl SiamLipProjectorConfig {
    /// A projector for vectors of `input` elements.
    ///
    /// # Errors
    /// When a size is zero.
    pub fn init(&self, input: usize, device: &Device) -> Result<SiamLipProjector, EncoderError> {
        let shared = MlpHeadConfig {
            bias: false,
            last_bias: false,
            last_norm: LastNorm::None,
            ..MlpHeadConfig::new([self.hidden, self.output])
        };
        let norm = || self.last_norm.then(|| BatchNorm::plain(self.output, device));
        Ok(SiamLipProjector { shared: shared.init(input, device)?, weak_norm: norm(), strong_norm: norm() })
    }
}

impl SiamLipProjector {
    /// Projects the vectors of weak views.
    ///
    /// # Shapes
    /// - x: `[rows, input]`, vectors of one weak view
    /// - returns `[rows, output]`
    pub fn weak(&self, x: Tensor<2>) -> Tensor<2> {
        last(&self.weak_norm, self.shared.forward(x))
    }

    /// Projects the vectors of strong views.
    ///
    /// # Shapes
    /// - x: `[rows, input]`, vectors of one strong view
    /// - returns `[rows, output]`
    pub fn strong(&self, x: Tensor<2>) -> Tensor<2> {
        last(&self.strong_norm, self.shared.forward(x))
    }
}

fn last(norm: &Option<BatchNorm>, x: Tensor<2>) -> Tensor<2> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}
