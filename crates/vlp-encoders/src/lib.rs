//! Encoders that turn pictures and captions into vectors, and the heads that project those into the space where they are
//! compared.
//!
//! | type | what it is |
//! |---|---|
//! | [`Vit`] | vision transformer in open_clip's and timm's dialects, SigLIP's attention pooling included |
//! | [`ResNet`] | ResNet 1.5 as in torchvision and timm |
//! | [`ModifiedResNet`] | OpenAI's ResNet with an attention pool |
//! | [`ConvNext`] | ConvNeXt in timm's layout |
//! | [`TextTransformer`] | CLIP's causal and SigLIP's bidirectional text tower |
//! | [`Bert`], [`BertTower`] | the text towers of Hugging Face: BERT, RoBERTa, XLM-RoBERTa; with open_clip's projection |
//! | [`Transformer`] | the pre-norm blocks that transformers are made of |
//! | [`ProjectionHead`] | none, linear (weak pairs) or MLP with batch normalisation (strong pairs) |
//! | [`MlpHead`], [`SiamLipProjector`], [`DinoHead`] | the heads of non-contrastive and self-supervised methods |
//! | [`AnyImageEncoder`] | one of the image encoders, chosen by a configuration file |
//! | [`ImageEncoderConfig`] | what makes an encoder of your own nameable in recipes |
//! | [`DualEncoder`] | an image and a text encoder with a head each |
//! | [`LayerGroups`] | a tower's parameters by depth: for [`LockConfig`] to freeze, for learning rates to fall with |
//! | [`LoraConfig`] | low-rank adapters for linear layers |
//! | [`BatchNorm`] | batch normalisation with PyTorch's running statistics |
//!
//! Every configuration is a plain serde struct that refuses unknown keys; `init` checks it and returns the module.
//! [`preset`] gives the configurations of published models, [`detached_copy`] a teacher, [`parameter_count`] a model's size.

mod activation;
mod activations;
mod attention;
mod batch_norm;
mod bert;
mod bert_config;
mod bert_tower;
mod block;
mod convnext;
mod count;
mod detached_copy;
mod dino_head;
mod drop;
mod dual_encoder;
mod error;
mod head;
mod image_encoder;
mod image_encoder_config;
mod latent_pool;
mod layer_groups;
mod layer_norm;
mod layered;
mod layers;
mod lock;
mod lora;
mod mlp_head;
mod modified_resnet;
mod positions;
mod preset;
mod residual_block;
mod resnet;
mod running_statistic;
mod siamlip_projector;
mod size;
mod stem;
mod text;
mod text_config;
mod transformer_init;
mod vit;
mod vit_config;

pub use activation::Activation;
pub use attention::SelfAttention;
pub use batch_norm::BatchNorm;
pub use bert::{Bert, BertLayer};
pub use bert_config::{BertConfig, BertPooling};
pub use bert_tower::{BertProjection, BertTower, BertTowerConfig};
pub use block::{Block, Transformer, TransformerConfig};
pub use convnext::{ConvNext, ConvNextBlock, ConvNextConfig, ConvNextStage};
pub use count::parameter_count;
pub use detached_copy::detached_copy;
pub use dino_head::{DinoHead, DinoHeadConfig};
pub use drop::{DropPath, PatchDropout};
pub use dual_encoder::{DualEncoder, DualEncoderConfig};
pub use error::EncoderError;
pub use head::{Identity, ProjectionConfig, ProjectionHead};
pub use image_encoder::{AnyImageEncoder, AnyImageEncoderConfig};
pub use image_encoder_config::ImageEncoderConfig;
pub use latent_pool::LatentPool;
pub use layer_groups::{LayerGroups, Layered};
pub use layer_norm::LayerNorm;
pub use lock::LockConfig;
pub use lora::LoraConfig;
pub use mlp_head::{LastNorm, MlpHead, MlpHeadConfig};
pub use modified_resnet::{AttentionPool, ModifiedResNet, ModifiedResNetConfig};
pub use positions::{Positions, resize_grid_positions, resize_sequence_positions};
pub use preset::{preset, preset_names};
pub use residual_block::{ResNetBlock, ResidualBlock};
pub use resnet::{ResNet, ResNetConfig};
pub use running_statistic::RunningStatistic;
pub use siamlip_projector::{SiamLipProjector, SiamLipProjectorConfig};
pub use size::physical_memory;
pub use stem::{ConvStem, PatchStem, Stem, StemConfig};
pub use text::TextTransformer;
pub use text_config::{TextPooling, TextTransformerConfig};
pub use transformer_init::TransformerInit;
pub use vit::Vit;
pub use vit_config::{ImagePooling, VitConfig};
