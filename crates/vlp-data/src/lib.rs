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
//! | [`SourceOptions`] | how whatever `Dataset::from_path_with` is given is read; a table of a recipe |
//! | [`inspect()`], [`Inspection`], [`LeftOut`] | what is in a dataset, and what its readers left out and why |
//! | [`Damage`], [`Tally`], [`LeftOut`], [`Limits`] | what makes a sample unusable, how often, what belongs to no sample, and what is accepted |
//! | [`TarOptions`], [`KeyRule`] | how names in tar shards are read, and where packed shards are unpacked |
//! | [`Loader`], [`LoaderConfig`], [`HostBatch`], [`Cursor`] | the endless, resumable stream of training batches |
//! | [`Views`], [`View`] | how the weak and the strong views of a sample are made |
//! | [`PhotometricStage`] | whether changes of colour are made by the workers or, batch by batch, on the device |
//! | `apply_photometric` (feature `burn`) | those changes as operations on a batch |
//! | [`CleanCaption`] | CLIP's text cleaning as a transform, for use before augmentation |
//! | [`Pass`] | every sample once, in order, for evaluation |
//! | `PairSource` (feature `burn`) | the loader as the trainer's source, batches on a device |
//! | [`Tokenizer`] | captions to ids: [`ClipBpe`], `HfTokenizer` (feature `hf-tokenizers`), [`CanonicalText`] before one of them |

mod alpha;
mod batch;
mod braces;
mod canonical_text;
mod class_names;
mod clean_caption;
mod clip_bpe;
mod clip_clean;
mod clip_files;
mod clip_vocab;
mod content_hash;
mod cursor;
mod damage;
mod dataset;
mod decode;
mod distinct;
mod error;
mod fetched;
mod fingerprint;
mod formats;
mod globs;
#[cfg(feature = "hf-tokenizers")]
mod hf_tokenizer;
mod hold_out;
mod html_entities;
mod inspecting;
mod inspection;
mod jpeg;
mod left_out;
mod limits;
mod loader;
mod metadata;
mod mojibake;
mod nearest;
mod opening;
mod order;
mod pass;
#[cfg(feature = "burn")]
mod photometric;
mod picture_format;
mod picture_header;
mod plan;
mod python_json;
mod rank;
#[cfg(feature = "hf-tokenizers")]
mod regex_dialect;
mod sample;
mod sampling;
mod source;
mod source_options;
#[cfg(feature = "burn")]
mod tensors;
mod tokenizer;
mod unreachable;
mod views;

pub use alpha::Alpha;
pub use batch::{HostBatch, HostImages, HostTokens, HostView};
pub use braces::expand_braces;
pub use canonical_text::CanonicalText;
pub use clean_caption::CleanCaption;
pub use clip_bpe::ClipBpe;
pub use clip_vocab::ClipVocab;
pub use cursor::Cursor;
pub use damage::{Damage, DamageKind, Tally};
pub use dataset::Dataset;
pub use decode::{decode, decode_with};
pub use error::DataError;
pub use fetched::Fetched;
pub use globs::expand_names;
#[cfg(feature = "hf-tokenizers")]
pub use hf_tokenizer::{HfTokenizer, SpecialTokens};
pub use inspection::{Duplicates, InspectOptions, Inspection, Spread, inspect};
pub use left_out::{LeftOut, Reason};
pub use limits::Limits;
pub use loader::{Loader, LoaderConfig, MOST_WORKERS, SkipLimit, StageTimes, Timing, join_or_leave};
pub use metadata::Metadata;
pub use opening::is_shard;
pub use order::Order;
pub use pass::{EvalSample, Pass};
#[cfg(feature = "burn")]
pub use photometric::apply_photometric;
pub use rank::Rank;
pub use sample::{Annotation, Sample};
pub use sampling::Sampling;
#[cfg(feature = "remote")]
pub use source::RemoteOptions;
pub use source::{
    ColumnRole, CsvOptions, FolderCaptions, KeyRule, Picture, Quoting, Row, Source, SurplusCells, Table, TarOptions,
    TarShards, YfccZips,
};
#[cfg(feature = "parquet")]
pub use source::{ParquetOptions, ParquetTable};
pub use source_options::{LeftOutPolicy, SourceOptions};
#[cfg(feature = "burn")]
pub use tensors::PairSource;
pub use tokenizer::{TokenIds, Tokenizer};
pub use unreachable::Unreachable;
pub use views::{PhotometricStage, View, Views};
pub use vlp_augment::printable;
