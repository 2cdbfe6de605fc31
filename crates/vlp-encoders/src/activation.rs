use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// The non-linearity inside a transformer's MLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x Φ(x)`, exact (timm's ViT, open_clip).
    #[default]
    Gelu,
    /// `x σ(1.702 x)` (OpenAI's CLIP, clip-rocket's text transformer).
    QuickGelu,
    /// `max(x, 0)`: the cheapest, for small models on a CPU.
    Relu,
}

impl Activation {
    /// Applies it element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Gelu => activation::gelu(x),
            Activation::QuickGelu => x.clone() * activation::sigmoid(x * 1.702),
            Activation::Relu => activation::relu(x),
        }
    }
}
