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
//! [`recipe`] describes a whole run as data, [`device`] names compute devices.
//!
//! # How a sample becomes a gradient
//!
//! A [`Dataset`](data::Dataset) indexes tar shards. A [`Loader`](data::Loader) reads samples in an order that is a
//! function of seed and position, decodes them, makes one weak and N strong [`Views`](data::Views), tokenises the
//! captions and gives out batches. A [`Method`](core::Method) encodes a batch into features and turns those into a
//! loss; the [`Trainer`](trainer::Trainer) does the rest.
//!
//! ```no_run
//! use std::sync::Arc;
//! use vlp::{augment, data, device::DeviceName, recipe::Recipe, trainer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Recipe::quickstart();
//! let device = DeviceName::Flex.open()?.autodiff();
//! device.seed(recipe.seed);
//!
//! let shards = data::Dataset::open("data/emoji", "train-", data::Limits::default())?;
//! let total = recipe.total_steps(shards.len());
//! let tokenizer = data::HfTokenizer::from_path("data/emoji/tokenizer.json", recipe.text.context_length)?;
//! let views = recipe.build_views()?;
//! let loader = data::Loader::new(Arc::new(shards), Arc::new(tokenizer), views, recipe.loader_config())?;
//! let source = data::PairSource::new(loader, augment::Normalization::IMAGENET);
//!
//! let (image, text) = recipe.encoders(&device)?;
//! let method = recipe.method.init(image, text, &device)?;
//! let decay = trainer::WeightDecay::new(recipe.optimizer.weight_decay_over(total)?);
//! let (adamw, of_optimizer) = (recipe.optimizer.adamw(), decay.clone());
//! let optimizer = move |method: &_| trainer::adamw_with_decay(method, adamw, &of_optimizer);
//! let options = trainer::TrainerOptions::new(&device, total).with_seed(recipe.seed);
//! let trainer = trainer::Trainer::new(method, source, optimizer, recipe.schedule.over(total)?, options);
//! let trained = trainer.with_weight_decay(decay).fit()?;
//! # Ok(())
//! # }
//! ```

pub mod device;
pub mod recipe;

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

/// The snippets of docs/finetuning.md compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/finetuning.md")]
struct FineTuning;
