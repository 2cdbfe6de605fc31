//! Trained models in use: opened from any layout, then pictures and texts become vectors, classes and files of vectors.
//!
//! | item | what it is |
//! |---|---|
//! | [`open()`], [`OpenOptions`] | a model out of a run's folder, open_clip's, Hugging Face's, timm's or a hub's cache, or out of one file |
//! | [`Model`] | the model with its preprocessing, tokenizer and logit scale: vectors, similarities, classes, exports |
//! | [`Classifier`], [`Classified`] | classes given by name, and how probable each is for a picture |
//! | [`Templates`], [`imagenet_classes`] | what is said about a class: OpenAI's 80 sentences, the names of ImageNet's classes |
//! | [`Pictures`], [`PreparedPictures`] | pictures in files, folders and tar shards, made ready by threads while the model works |
//! | [`Batches`], [`EmbeddedBatch`] | their vectors, batch by batch |
//! | [`embed_files`], [`EmbedOptions`] | all of it into a `.npy` or safetensors file, which goes on where it was cut off |
//! | [`fine_tune()`] | pretrained weights as a method to train, scale and bias carried |
//! | [`Target`], [`export()`] | the way out to open_clip, transformers and timm |
//!
//! ```no_run
//! use vlp::pretrained::{self, Templates};
//!
//! # fn main() -> Result<(), vlp::pretrained::PretrainedError> {
//! let model = pretrained::open("ViT-B-32", &vlp::device::open("flex")?)?;
//! for class in &model.classify(&["cat.jpg"], &["cat", "dog"], &Templates::openai())?[0] {
//!     println!("{:.2} {}", class.probability, class.name);
//! }
//! # Ok(())
//! # }
//! ```

mod batches;
mod classify;
mod embed;
mod error;
mod export;
mod fine_tune;
mod from_method;
mod from_run;
mod journal;
mod model;
mod open;
mod pictures;
mod prepared;
mod rows;
mod templates;
mod text_reader;
mod timm_tower;

pub use batches::{Batches, EmbeddedBatch};
pub use classify::{Classified, Classifier};
pub use embed::{EmbedOptions, EmbedSummary, Progress, embed_files};
pub use error::PretrainedError;
pub use export::{Target, export};
pub use fine_tune::{Origin, fine_tune};
pub use from_method::package_of;
pub use model::{Model, ModelParts};
pub use open::{OpenOptions, open};
pub use pictures::Pictures;
pub use prepared::{Prepared, PreparedPictures};
pub use rows::{RowFormat, RowWriter};
pub use templates::{Templates, imagenet_classes};
pub use text_reader::TextReader;

#[cfg(test)]
mod tests;
