//! Image–caption data for vision–language pre-training.
//!
//! Shards, tables and folders are indexed once ([`Dataset`]), read at random in an order that is a function of seed and
//! position ([`Sampling`]), decoded, augmented into [`Views`] and put into batches on worker threads ([`Loader`]). What is damaged is
//! skipped and counted; nothing in a shard can make it panic, hang, or take more memory than [`Limits`] allow.
//!
//! | item | what it is |
//! |---|---|
//! | [`Dataset`], [`Source`], [`Sample`], [`decode()`], [`Alpha`] | samples, what they are read from, pictures, what becomes of transparency |
//! | [`TarShards`], [`Table`], [`YfccZips`] | the layouts: tar shards; CSV, JSON lines, folders, `.npy`; zips |
//! | `ParquetTable` (feature `parquet`) | Parquet tables, with pictures in them or with paths |
//! | `RemoteOptions` (feature `remote`), [`Unreachable`], [`Fetched`] | shards in S3, in Google's store and behind HTTP |
//! | [`Damage`], [`Tally`], [`LeftOut`], [`Limits`] | what makes a sample unusable, how often, what belongs to no sample, and what is accepted |
//! | [`TarOptions`], [`KeyRule`] | how names in tar shards are read, and where packed shards are unpacked |
//! | [`Loader`], [`LoaderConfig`], [`HostBatch`], [`Cursor`] | the endless, resumable stream of training batches |
//! | [`Views`], [`View`] | how the weak and the strong views of a sample are made |
//! | [`PhotometricStage`] | whether changes of colour are made by the workers or, batch by batch, on the device |
//! | `apply_photometric` (feature `burn`) | those changes as operations on a batch |
//! | [`CleanCaption`] | CLIP's text cleaning as a transform, for use before augmentation |
//! | [`Pass`] | every sample once, in order, for evaluation |
//! | `PairSource` (feature `burn`) | the loader as the trainer's source, batches on a device |
//! | [`Tokenizer`] | captions to ids: [`ClipBpe`], `HfTokenizer` (feature `hf-tokenizers`) |

mod alpha;
mod batch;
mod braces;
mod clean_caption;
mod clip_bpe;
mod clip_clean;
mod clip_vocab;
mod cursor;
mod damage;
mod dataset;
mod decode;
mod error;
mod fetched;
mod formats;
mod globs;
#[cfg(feature = "hf-tokenizers")]
mod hf_tokenizer;
mod html_entities;
mod jpeg;
mod left_out;
mod limits;
mod loader;
mod metadata;
mod mojibake;
mod opening;
mod order;
mod pass;
#[cfg(feature = "burn")]
mod photometric;
mod picture_format;
mod plan;
mod printable;
mod python_json;
mod rank;
mod sample;
mod sampling;
mod source;
#[cfg(feature = "burn")]
mod tensors;
mod tokenizer;
mod unreachable;
mod views;

pub use alpha::Alpha;
pub use batch::{HostBatch, HostImages, HostTokens, HostView};
pub use braces::expand_braces;
pub use clean_caption::CleanCaption;
pub use clip_bpe::ClipBpe;
pub use clip_vocab::ClipVocab;
pub use cursor::Cursor;
pub use damage::{Damage, DamageKind, Tally};
pub use dataset::Dataset;
pub use decode::{decode, decode_with};
pub use error::DataError;
pub use fetched::Fetched;
#[cfg(feature = "hf-tokenizers")]
pub use hf_tokenizer::{HfTokenizer, SpecialTokens};
pub use left_out::{LeftOut, Reason};
pub use limits::Limits;
pub use loader::{Loader, LoaderConfig, SkipLimit, StageTimes, Timing};
pub use metadata::Metadata;
pub use order::Order;
pub use pass::{EvalSample, Pass};
#[cfg(feature = "burn")]
pub use photometric::apply_photometric;
pub use printable::printable;
pub use rank::Rank;
pub use sample::{Annotation, Sample};
pub use sampling::Sampling;
#[cfg(feature = "remote")]
pub use source::RemoteOptions;
pub use source::{CsvOptions, FolderCaptions, KeyRule, Picture, Row, Source, Table, TarOptions, TarShards, YfccZips};
#[cfg(feature = "parquet")]
pub use source::{ParquetOptions, ParquetTable};
#[cfg(feature = "burn")]
pub use tensors::PairSource;
pub use tokenizer::{TokenIds, Tokenizer};
pub use unreachable::Unreachable;
pub use views::{PhotometricStage, View, Views};
