use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};
use vlp_encoders::{Activation, DinoHead, DinoHeadConfig, EncoderError, MlpHead, MlpHeadConfig};

/// The head that gives nCLIP's and xCLIP's units. What the papers' head is, is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ClusterHeadConfig {
    /// TWIST's form: linear layers with batch normalisation, depth and widths free, a last batch normalisation or none.
    Mlp(MlpHeadConfig),
    /// DINO's form: vectors of length 1 against prototypes of length 1, no batch normalisation.
    Dino(DinoHeadConfig),
}

impl Default for ClusterHeadConfig {
    /// TWIST's head with GELU, as it has behind vision transformers: 4096, 4096, 32768.
    fn default() -> Self {
        ClusterHeadConfig::Mlp(MlpHeadConfig::nclip(Activation::Gelu))
    }
}

/// A head built by [`ClusterHeadConfig::init`].
#[derive(Module, Debug)]
pub enum ClusterHead {
    /// Linear layers with batch normalisation.
    Mlp(MlpHead),
    /// Cosines with prototypes.
    Dino(DinoHead),
}

impl ClusterHeadConfig {
    /// A head for vectors of `input` elements.
    ///
    /// # Errors
    /// When there is a layer without units.
    pub fn init(&self, input: usize, device: &Device) -> Result<ClusterHead, EncoderError> {
        Ok(match self {
            ClusterHeadConfig::Mlp(config) => ClusterHead::Mlp(config.init(input, device)?),
            ClusterHeadConfig::Dino(config) => ClusterHead::Dino(config.init(input, device)?),
        })
    }
}

impl ClusterHead {
    /// Scores of vectors against the units.
    ///
    /// # Shapes
    /// - x: `[rows, input]`
    /// - returns `[rows, units]`, scores in front of the softmax
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            ClusterHead::Mlp(head) => head.forward(x),
            ClusterHead::Dino(head) => head.forward(x),
        }
    }
}
