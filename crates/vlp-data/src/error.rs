use std::io;
use std::path::PathBuf;

use crate::{Sampling, Unreachable};

/// What can go wrong with data and tokenizers, grouped by whose fault it is.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    // The data's fault.
    /// A directory holds no shard of the wanted name.
    #[error("{directory} has no shard named {prefix}*.tar among its {files} files: check the directory and the prefix")]
    NoShards {
        /// The directory.
        directory: PathBuf,
        /// How the names should begin.
        prefix: String,
        /// How many files of any name there are.
        files: usize,
    },
    /// No sample of a shard has a caption.
    #[error(
        "{shard}: 0 of {samples} samples have a caption: each needs a .txt member or a .json member with a field \
         `caption` under the same key{fields}"
    )]
    NoCaptions {
        /// The shard.
        shard: PathBuf,
        /// How many samples it has.
        samples: usize,
        /// The fields that its `.json` has, if any, and what to do.
        fields: String,
    },
    /// Not one usable sample in all shards.
    #[error("no usable sample in {shards} shards (damage: {damage}). {first}")]
    NoSamples {
        /// How many shards were read.
        shards: usize,
        /// What was found instead, by kind.
        damage: String,
        /// The first shard's trouble.
        first: String,
    },
    /// Not one usable row or sample among those read.
    #[error("{origin}: 0 of {read} samples kept: {kinds}. {first}")]
    NothingKept {
        /// What was read.
        origin: String,
        /// How many rows or samples.
        read: u64,
        /// What is wrong with them, by kind.
        kinds: String,
        /// The first or last one's trouble.
        first: String,
    },
    /// A file that lists samples is not what it should be.
    #[error("{path}: {reason}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A source leaves something out, and was not to.
    #[error("{origin} leaves out {total} samples by its rules, and `left_out = \"refuse\"` forbids it:\n{left_out}")]
    LeftOut {
        /// The source.
        origin: String,
        /// How many samples.
        total: u64,
        /// Reasons and examples, a line each.
        left_out: String,
    },
    /// More damaged samples than the limit allows.
    #[error(
        "{damaged} of the last {window} samples are damaged, the limit is {rate} of them. All so far: {kinds}. The \
         last: {last}. Repair the shards or raise `LoaderConfig::skip_limit`"
    )]
    TooMuchDamage {
        /// Damaged samples in the window.
        damaged: usize,
        /// Length of the window in samples.
        window: u64,
        /// The allowed share.
        rate: f64,
        /// Counts by kind since the start.
        kinds: String,
        /// Name and damage of the last one.
        last: String,
    },
    /// A metadata field has too few values to fill a batch with different ones.
    #[error(
        "a whole pass over {read} samples has only {values} different values of `{field}` for a batch of {batch_size}: make the batch \
         at most {values}, or drop `distinct_by`"
    )]
    TooFewDistinct {
        /// The field.
        field: String,
        /// Samples placed in the batch.
        values: usize,
        /// Samples a batch needs.
        batch_size: usize,
        /// Samples read for this batch.
        read: u64,
    },
    /// A file that should hold a tokenizer or a vocabulary holds something else.
    #[error("{path} is not {expected}: {reason}. {remedy}")]
    NotATokenizer {
        /// The file.
        path: String,
        /// What it should have been.
        expected: &'static str,
        /// What was found instead, and where.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },

    // The caller's fault.
    /// A loader option that cannot work.
    #[error("{option} is {value}: it must be at least 1")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: usize,
    },
    /// A field that the samples do not have.
    #[error("`distinct_by` names `{field}`, which none of {looked_at} samples has{nearest}. There are {names}")]
    UnknownField {
        /// The name.
        field: String,
        /// How many samples were looked at.
        looked_at: usize,
        /// The fields they do have.
        names: String,
        /// What was probably meant, if anything.
        nearest: String,
    },
    /// A share to hold out that leaves one side empty.
    #[error(
        "a share of {share} holds out {held_out} of {samples} samples: give one above 0 and below 1 that leaves some on either side"
    )]
    HoldOut {
        /// The share.
        share: f64,
        /// How many samples there are.
        samples: usize,
        /// How many would be held out.
        held_out: usize,
    },
    /// A loader option beyond what a machine has room for.
    #[error("{option} is {value}: it can be {most} at most")]
    OptionTooLarge {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: usize,
        /// The largest that is accepted.
        most: usize,
    },
    /// A pattern of names or weights that cannot be read.
    #[error("`{pattern}`: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A rank beyond the number of ranks.
    #[error("rank {number} of {of}: ranks are numbered from 0")]
    NoSuchRank {
        /// The number.
        number: usize,
        /// How many ranks there are.
        of: usize,
    },
    /// Distinct values need one process that sees the whole batch.
    #[error("`LoaderConfig::distinct_by` works in one process: leave `LoaderConfig::rank` unset or drop it")]
    DistinctAcrossRanks,
    /// Shards read window by window have no weights.
    #[error("weights need `Sampling::Shuffled` or `Sampling::Resampled`, not windows of shards")]
    WeightedWindows,
    /// Pictures of different sizes in one batch.
    #[error(
        "pictures of {first:?} and {other:?} pixels in one view of a batch: end its image transform with a crop or \
         resize to one size"
    )]
    ImageSizes {
        /// Width and height of the first picture.
        first: (usize, usize),
        /// Width and height of the other one.
        other: (usize, usize),
    },
    /// A cursor of another seed or dataset.
    #[error(
        "the saved position belongs to seed {cursor_seed}, order {cursor_sampling:?} and {cursor_samples} samples, this stream \
         has seed {seed}, order {sampling:?} and {samples} samples: resume with the same seed and data"
    )]
    ForeignCursor {
        /// Seed of this stream.
        seed: u64,
        /// Samples of this stream.
        samples: u64,
        /// Order of this stream.
        sampling: Sampling,
        /// Order in the cursor.
        cursor_sampling: Sampling,
        /// Seed in the cursor.
        cursor_seed: u64,
        /// Samples in the cursor.
        cursor_samples: u64,
    },
    /// A cursor of other data with as many samples.
    #[error(
        "the saved position belongs to other data: as many samples ({samples}), but fingerprint {cursor:016x} instead of {data:016x}. \
         Resume with the files of the first start, under the same names and in the same order"
    )]
    OtherData {
        /// Positions of an epoch, of both.
        samples: u64,
        /// Fingerprint in the cursor.
        cursor: u64,
        /// Fingerprint of this stream's dataset.
        data: u64,
    },
    /// The wait for a batch was ended by [`Loader::interrupt_by`](crate::Loader::interrupt_by).
    #[error("the wait for a batch was interrupted")]
    Interrupted,
    /// A transform, a tokenizer or this crate panicked on a worker thread; the message ends with the sample.
    #[error("a loader thread panicked: {message}")]
    WorkerPanicked {
        /// What it said.
        message: String,
    },
    /// A token that marks start, end or padding is not in the vocabulary.
    #[error("{path} has no {role} token {wanted}: name one of its special tokens ({found}) in `SpecialTokens::{role}`")]
    MissingToken {
        /// The tokenizer file.
        path: String,
        /// `start`, `end` or `pad`.
        role: &'static str,
        /// The name asked for, or the names tried.
        wanted: String,
        /// The special tokens the file does have.
        found: String,
    },
    /// A context length that leaves no room for text.
    #[error("a context of {given} ids leaves no room for text: give at least {least} (start, one token, end)")]
    ContextTooShort {
        /// The length asked for.
        given: usize,
        /// The smallest that works.
        least: usize,
    },
    /// An id that no token of the vocabulary has.
    #[error("id {id} is not in the vocabulary: ids go from 0 to {largest}")]
    UnknownId {
        /// The id.
        id: u32,
        /// The largest id there is.
        largest: u32,
    },

    /// An order that would fetch shards over and over.
    #[error(
        "shards of {total} bytes in a cache of {room} read in the order {sampling:?} would be fetched over and over: {remedy}raise \
         `RemoteOptions::cache_bytes` (VLP_CACHE_GIB); the largest shard has {largest} bytes"
    )]
    CacheTooSmall {
        /// Bytes of all shards.
        total: u64,
        /// Bytes of the largest.
        largest: u64,
        /// Bytes the cache may hold.
        room: u64,
        /// The order.
        sampling: Sampling,
        /// An order that fits, if there is one.
        remedy: String,
    },

    // The environment's fault.
    /// A packed shard could not be unpacked on disk.
    #[error(
        "cannot unpack {path} into {folder}: {source}. Make room there, or name another folder in `TarOptions::unpack_into`"
    )]
    Unpack {
        /// The shard.
        path: PathBuf,
        /// Where it was to go.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A shard could not be fetched. Samples are never skipped for that; asking again goes on where the stream stopped.
    #[error("{0}")]
    Unreachable(Unreachable),
    /// No sample was finished for a long time.
    #[error(
        "no data for {seconds} s: {workers} workers are busy, the oldest with {sample}. Is its storage reachable? Raise `LoaderConfig::stall_after` if it is only slow"
    )]
    Stalled {
        /// How long.
        seconds: u64,
        /// Number of workers.
        workers: usize,
        /// The sample that everything waits for.
        sample: String,
    },
    /// A thread could not be started.
    #[error("cannot start a loader thread: {source}. Lower `LoaderConfig::workers`")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}. Check that the file exists and may be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
