//! Where samples come from: one reader for each layout on disk, all behind [`Source`].

mod caption_lists;
mod class_labels;
mod clip_benchmark;
mod column_role;
mod csv_table;
#[cfg(feature = "remote")]
mod far_shards;
mod fetch_first;
mod field_names;
mod files;
mod flickr;
mod folder;
mod folder_walk;
mod frugal;
mod idx;
mod image_folder;
mod json_document;
mod json_lines;
mod npy;
mod open_files;
#[cfg(feature = "parquet")]
mod parquet;
mod pickle;
mod positioned;
mod records;
#[cfg(feature = "remote")]
mod remote;
mod shard_file;
mod splits;
mod table;
mod table_rows;
mod tar_groups;
mod tar_options;
mod tar_reading;
mod tar_scan;
mod tar_shards;
mod text_table;
mod unpack;
mod unread;
mod yfcc;

use std::fmt::Debug;

use vlp_augment::Image;

use crate::fingerprint::{Fingerprint, last_part};
use crate::{Annotation, Damage, Fetched, LeftOut, Tally};

pub use column_role::ColumnRole;
pub use csv_table::{CsvOptions, Quoting, SurplusCells};
pub use folder::FolderCaptions;
#[cfg(feature = "parquet")]
pub use parquet::{ParquetOptions, ParquetTable};
#[cfg(feature = "remote")]
pub use remote::RemoteOptions;
pub use table::{Row, Table};
pub use tar_options::{KeyRule, TarOptions};
pub use tar_shards::TarShards;
pub use yfcc::YfccZips;

pub(crate) use clip_benchmark::shards_of_export;
pub(crate) use files::open_file;
pub(crate) use files::read_file;
pub(crate) use idx::Idx;
pub(crate) use image_folder::metadata_files;
pub(crate) use splits::of_file as split_of_file;

use frugal::Frugal;

/// A picture as a source stores it.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// A picture file, as [`decode`](crate::decode()) reads it.
    Encoded(Vec<u8>),
    /// Pixels.
    Decoded(Image),
}

/// A numbered collection of image–caption pairs that several threads read at random.
///
/// [`Dataset`](crate::Dataset) puts one or more of them behind one another. Implement it to read a layout of your own: a
/// sample must be the same whenever it is read, and what is wrong with one is [`Damage`], never a panic.
pub trait Source: Send + Sync + Debug {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of a sample for messages, such as shard and key.
    fn name(&self, index: usize) -> String;

    /// Key, captions and metadata of a sample, without its picture.
    ///
    /// # Errors
    /// The damage that makes the sample unusable.
    fn annotation(&self, index: usize) -> Result<Annotation, Damage>;

    /// The picture of a sample.
    ///
    /// # Errors
    /// The damage that makes the sample unusable.
    fn picture(&self, index: usize) -> Result<Picture, Damage>;

    /// Damage found while indexing; those samples are not numbered.
    fn tally(&self) -> &Tally;

    /// What is wrong with the source as a whole, a sentence each.
    fn warnings(&self) -> &[String];

    /// What it leaves out by its own rules, damage found while indexing and files it does not read, with examples where it knows
    /// them.
    fn left_out(&self) -> LeftOut {
        let mut left_out = LeftOut::default();
        self.tally().iter().for_each(|(kind, count)| left_out.add_count(kind.name(), count));
        left_out
    }

    /// What tells a sample from others wherever it lies: the same for all samples of one picture.
    ///
    /// # Errors
    /// The damage that makes it unknown.
    fn key(&self, index: usize) -> Result<String, Damage> {
        self.annotation(index).map(|annotation| annotation.key)
    }

    /// Whether the source knows a column or field of this name as that of the picture or of the caption, which are not among the
    /// metadata.
    fn role(&self, column: &str) -> Option<ColumnRole> {
        let _ = column;
        None
    }

    /// Lengths of the runs of samples that lie together, such as shards: what is read window by window from afar.
    fn groups(&self) -> Vec<usize> {
        vec![self.len()]
    }

    /// A hash of what the samples are, for a resumed run to notice other data with as many of them: by default of some thousand names,
    /// without the folders these begin with, and of [`groups`](Self::groups). It is asked for whenever a loader is made, so it must not
    /// read samples.
    fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        self.groups().iter().for_each(|&length| fingerprint.number(length as u64));
        let step = (self.len() / 4096).max(1);
        (0..self.len()).step_by(step).for_each(|index| fingerprint.bytes(last_part(&self.name(index)).as_bytes()));
        fingerprint.finish()
    }

    /// Sample `index` will be asked for before long: a source that reads from afar begins to fetch what holds it.
    fn soon(&self, index: usize) {
        let _ = index;
    }

    /// What is fetched from afar through a cache, if anything is: an order that would fetch it over and over is refused.
    fn fetched(&self) -> Option<Fetched> {
        None
    }
}
