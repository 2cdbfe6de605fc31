use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// The non-linearity inside an MLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x Φ(x)`, exact (timm's ViT, open_clip).
    #[default]
    Gelu,
    /// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))` (SigLIP 2's text tower, Hugging Face's SigLIP).
    GeluTanh,
    /// `x σ(1.702 x)` (OpenAI's CLIP, clip-rocket's text transformer).
    QuickGelu,
    /// `max(x, 0)`: the cheapest, for small models on a CPU.
    Relu,
}

impl Activation {
    /// Applies it element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Gelu => vlp_ops::gelu(x),
            Activation::GeluTanh => vlp_ops::gelu_tanh(x),
            Activation::QuickGelu => vlp_ops::quick_gelu(x),
            Activation::Relu => activation::relu(x),
        }
    }
}
