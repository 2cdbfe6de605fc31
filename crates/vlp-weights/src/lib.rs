//! Weights that travel: to and from open_clip, OpenAI, Hugging Face and timm.
//!
//! | item | what it is |
//! |---|---|
//! | [`StateDict`], [`HostTensor`] | named tensors in memory, from and to safetensors, from PyTorch files |
//! | [`Layout`], [`detect`], [`convert`] | how names and shapes differ between libraries, and the way between them, to the bit |
//! | [`ModelConfig`], [`preset`] | open_clip's model JSON, 81 of its models by name, Hugging Face's `config.json` |
//! | [`PreprocessConfig`] | how a picture becomes what the image tower reads |
//! | [`Package`] | weights, configuration and preprocessing together: a folder read or written |
//! | [`HfTextModel`], [`load_hf_text`], [`load_vision_text`] | models whose text tower is a BERT of Hugging Face's |
//! | [`HfTextFolder`] | the same as a folder of open_clip's or of transformers' holds them, with preprocessing and tokenizer |
//! | [`TimmTower`] | an image tower in a folder of timm's |
//! | [`Pretrained`], [`load_dual`] | the model with its weights, and the way back |
//!
//! No file is trusted: headers are checked before memory is taken, pickles are never executed, and whatever does not fit
//! is listed whole.
//!
//! ```
//! use vlp_weights::{Layout, detect, convert, preset};
//! use vlp_weights::{HostTensor, StateDict};
//!
//! let config = preset("ViT-B-32")?;
//! assert_eq!(config.parameter_count()?.total, 151_277_313);
//!
//! // A bare timm tower becomes the image tower of an open_clip SigLIP.
//! let mut tower = StateDict::new();
//! tower.insert("patch_embed.proj.bias", HostTensor::from_f32([2], &[0.5, 1.5]));
//! tower.insert("blocks.0.norm1.bias", HostTensor::from_f32([2], &[0.0, 0.0]));
//! assert_eq!(detect(&tower)?, Layout::TimmVit);
//! let named = convert(tower, Layout::TimmVit, Layout::OpenClipTimm)?;
//! assert!(named.contains("visual.trunk.patch_embed.proj.bias"));
//! # Ok::<(), vlp_weights::WeightError>(())
//! ```

mod average;
mod config;
mod convert;
mod dual;
mod error;
mod expected;
mod folder;
mod hf_dual;
mod hf_folder;
mod hf_text;
mod hub_cache;
mod layout;
mod loader;
mod names;
mod package;
mod preprocess;
mod pretrained;
mod publish;
#[cfg(feature = "pytorch")]
mod pytorch_file;
mod resize;
mod rules;
mod safetensors_file;
mod sharded;
mod state_dict;
mod tensor;
mod timm;
mod tokenizer_files;

pub use config::{
    ImageSize, ImageTower, Layers, ModelActivation, ModelConfig, ResNetTower, TextConfig, TextPool, TextProjection,
    TextTower, Towers, TowersThere, VisionConfig, VitPool, VitTower, preset, presets,
};
pub use convert::convert;
pub use error::{KeyProblems, WeightError};
pub use expected::{ExpectedTensor, ParameterCount, TensorRole};
pub use hf_dual::{HfTextModel, load_hf_text, load_hf_text_with, load_vision_text};
pub use hf_folder::HfTextFolder;
pub use hub_cache::{hub_cached, hub_snapshot};
pub use layout::{Layout, detect};
pub use package::{Format, Package};
pub use preprocess::{ColourMode, FitPicture, Interpolation, PreprocessConfig, PreprocessFamily, ResizeModeName};
pub use pretrained::{Pretrained, load_dual};
pub use state_dict::{ReadLimits, StateDict};
pub use tensor::{DType, HostTensor};
pub use timm::TimmTower;

/// The snippets of docs/weights.md compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/weights.md")]
struct Snippets;
