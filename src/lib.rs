//! Vision-language pre-training on [burn](https://burn.dev): CLIP and the methods around it, as crates that compose.
//!
//! | module | crate | what is in it |
//! |---|---|---|
//! | [`core`] | `vlp-core` | what an encoder, a method, a batch and a step are |
//! | [`encoders`] | `vlp-encoders` | ViT in two dialects, ResNets, ConvNeXt, text towers, heads, presets |
//! | [`losses`] | `vlp-losses` | InfoNCE, SigLIP, CLIP-rocket's objective and the losses around them |
//! | [`ops`] | `vlp-ops` | the operations that decide speed and memory, with backward passes of their own |
//! | [`methods`] | `vlp-methods` | CLIP, CLIP-rocket, SLIP, SiamLIP, BYOLIP, BarLIP, SwALIP, nCLIP- and xCLIP-style, SigLIP; DINO, MoCo v3, SwAV |
//! | [`augment`] | `vlp-augment` | image and text augmentations |
//! | [`data`] | `vlp-data` | shards, decoding, tokenizers, the loader |
//! | [`schedulers`] | `vlp-schedulers` | learning rates as functions of the step |
//! | [`trainer`] | `vlp-trainer` | the training loop, hooks, checkpoints |
//! | [`eval`] | `vlp-eval` | retrieval, zero-shot, nearest neighbours |
//! | [`report`] | `vlp-report` | charts and picture sheets |
//! | [`weights`] | `vlp-weights` | weights to and from open_clip, OpenAI, Hugging Face and timm |
//!
//! [`run`] turns a [`recipe`], which describes a whole run as data, into a trained model; [`device`] names compute devices.
//!
//! # How a sample becomes a gradient
//!
//! A [`Dataset`](data::Dataset) indexes tar shards, tables or folders. A [`Loader`](data::Loader) reads samples in an order that is
//! a function of seed and position, decodes them, makes one weak and N strong [`Views`](data::Views), tokenises the
//! captions and gives out batches. A [`Method`](core::Method) encodes a batch into features and turns those into a
//! loss; the [`Trainer`](trainer::Trainer) does the rest. [`Run`](run::Run) wires all of it:
//!
//! ```no_run
//! use vlp::prelude::*;
//!
//! fn main() -> Result<(), vlp::Error> {
//!     let run = Run::new(Recipe::open("my.toml")?, &device::open("flex")?)?;
//!     let trained = run.fit("runs/mine")?;
//!     println!("{}", trained.evaluate()?);
//!     Ok(())
//! }
//! ```
//!
//! [`Run::stepper`](run::Run::stepper) is the same as a loop of your own, and [`run`]'s parts, `source()`, `method()`, `trainer()`, are there
//! one by one.

pub mod device;
mod error;
pub mod prelude;
pub mod pretrained;
pub mod recipe;
pub mod run;

pub use error::{Error, exit_code};

pub use vlp_augment as augment;
pub use vlp_core as core;
pub use vlp_data as data;
pub use vlp_encoders as encoders;
pub use vlp_eval as eval;
pub use vlp_losses as losses;
pub use vlp_methods as methods;
pub use vlp_ops as ops;
pub use vlp_report as report;
pub use vlp_schedulers as schedulers;
pub use vlp_trainer as trainer;
pub use vlp_weights as weights;

/// The snippets of README.md compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The snippets of docs/finetuning.md compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/finetuning.md")]
struct FineTuning;
