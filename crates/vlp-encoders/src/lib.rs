//! Encoders that turn pictures and captions into vectors, and the heads that project those into the space where they are
//! compared.
//!
//! | type | what it is |
//! |---|---|
//! | [`Vit`] | vision transformer: patch or convolutional stem, class token or mean pooling |
//! | [`TextTransformer`] | causal transformer with CLIP's pooling at the end-of-text token |
//! | [`Transformer`] | the pre-norm blocks both are made of |
//! | [`ProjectionHead`] | linear (weak pairs) or MLP with batch normalisation (strong pairs) |
//! | [`BatchNorm`] | batch normalisation over rows with PyTorch's running statistics |
//!
//! Every configuration is a plain serde struct that refuses unknown keys; `init` checks it and returns the module.

mod activation;
mod attention;
mod batch_norm;
mod block;
mod error;
mod head;
mod layers;
mod stem;
mod text;
mod vit;

pub use activation::Activation;
pub use attention::SelfAttention;
pub use batch_norm::BatchNorm;
pub use block::{Block, Transformer, TransformerConfig, TransformerInit};
pub use error::EncoderError;
pub use head::{MlpHead, ProjectionConfig, ProjectionHead};
pub use stem::{ConvStem, PatchStem, Stem, StemConfig};
pub use text::{TextPooling, TextTransformer, TextTransformerConfig};
pub use vit::{ImagePooling, Vit, VitConfig};
