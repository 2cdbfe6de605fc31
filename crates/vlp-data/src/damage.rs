use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::picture_format::what_it_is;
use crate::{Unreachable, printable};

/// Why a sample cannot be used. Damaged samples are skipped and counted; they never end a run by themselves, but for
/// [`Damage::Unreachable`].
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Damage {
    /// The shard could not be read at this place.
    #[error("reading failed: {}", printable(.0))]
    Io(String),
    /// The shard ends inside the member.
    #[error("the shard ends inside `{}`", printable(member))]
    Cut {
        /// Name of the member.
        member: String,
    },
    /// A member is larger than the limits allow.
    #[error("`{}` has {bytes} bytes, the limit is {limit}", printable(member))]
    TooLarge {
        /// Name of the member or part.
        member: String,
        /// Its length in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The picture's header declares more pixels than the limits allow.
    #[error("the picture is {width} x {height}, the limit is {side} a side and {pixels} pixels")]
    Dimensions {
        /// Declared width in pixels.
        width: u64,
        /// Declared height in pixels.
        height: u64,
        /// Largest side.
        side: u32,
        /// Most pixels.
        pixels: u64,
    },
    /// The bytes are no picture that this build reads, whatever the name says; the first of them.
    #[error("{}", what_it_is(.0))]
    Format(Vec<u8>),
    /// The picture's bytes are broken or cut off.
    #[error("the {format} data are broken: {}", printable(reason))]
    Pixels {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Neither `.txt` nor the `.json` field `caption` has text.
    #[error("no caption: neither a .txt member nor a .json field `caption` with text in it")]
    NoCaption,
    /// A caption without a picture.
    #[error("no picture: no .jpg, .png, .jpeg or .webp member (nor one of the cargo features' formats)")]
    NoImage,
    /// The caption is not UTF-8.
    #[error("the caption is not UTF-8")]
    Encoding,
    /// The `.json` member is not a JSON object.
    #[error("the .json member is not a JSON object: {}", printable(.0))]
    Metadata(String),
    /// A member's name is absolute, climbs with `..`, is not UTF-8, or too long.
    #[error("refused member name `{}`", printable(.0))]
    Name(String),
    /// A link, a device or a sparse file where a plain file is expected.
    #[error("`{}` is not a regular file", printable(.0))]
    NotRegular(String),
    /// A row of a table whose picture was never fetched, by img2dataset's own account.
    #[error("img2dataset's status is `{}`", printable(.0))]
    NotFetched(String),
    /// It could not be fetched from afar. No damage of the sample: it ends a stream of batches instead of being skipped.
    #[error("{0}")]
    Unreachable(Unreachable),
    /// A row of a table has not the cells that its header has, or a quotation mark without its end.
    #[error("{0}")]
    Row(String),
    /// The archive itself is broken from here on.
    #[error("the archive cannot be read on: {}", printable(.0))]
    Archive(String),
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The kinds of damage, to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DamageKind {
    /// [`Damage::Io`]
    Io,
    /// [`Damage::Cut`]
    Cut,
    /// [`Damage::TooLarge`]
    TooLarge,
    /// [`Damage::Dimensions`]
    Dimensions,
    /// [`Damage::Format`]
    Format,
    /// [`Damage::Pixels`]
    Pixels,
    /// [`Damage::NoCaption`]
    NoCaption,
    /// [`Damage::NoImage`]
    NoImage,
    /// [`Damage::Encoding`]
    Encoding,
    /// [`Damage::Metadata`]
    Metadata,
    /// [`Damage::Name`]
    Name,
    /// [`Damage::NotRegular`]
    NotRegular,
    /// [`Damage::NotFetched`]
    NotFetched,
    /// [`Damage::Unreachable`]
    Unreachable,
    /// [`Damage::Row`]
    Row,
    /// [`Damage::Archive`]
    Archive,
}

impl DamageKind {
    /// The kind with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        // The names of JSON are the same.
        serde_json::from_value(name.into()).ok()
    }

    /// A short name for tables and logs, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Cut => "cut",
            Self::TooLarge => "too_large",
            Self::Dimensions => "dimensions",
            Self::Format => "format",
            Self::Pixels => "pixels",
            Self::NoCaption => "no_caption",
            Self::NoImage => "no_image",
            Self::Encoding => "encoding",
            Self::Metadata => "metadata",
            Self::Name => "name",
            Self::NotRegular => "not_regular",
            Self::NotFetched => "not_fetched",
            Self::Unreachable => "unreachable",
            Self::Row => "row",
            Self::Archive => "archive",
        }
    }
}

impl Damage {
    /// Which kind this counts as.
    pub fn kind(&self) -> DamageKind {
        match self {
            Self::Io(_) => DamageKind::Io,
            Self::Cut { .. } => DamageKind::Cut,
            Self::TooLarge { .. } => DamageKind::TooLarge,
            Self::Dimensions { .. } => DamageKind::Dimensions,
            Self::Format(_) => DamageKind::Format,
            Self::Pixels { .. } => DamageKind::Pixels,
            Self::NoCaption => DamageKind::NoCaption,
            Self::NoImage => DamageKind::NoImage,
            Self::Encoding => DamageKind::Encoding,
            Self::Metadata(_) => DamageKind::Metadata,
            Self::Name(_) => DamageKind::Name,
            Self::NotRegular(_) => DamageKind::NotRegular,
            Self::NotFetched(_) => DamageKind::NotFetched,
            Self::Unreachable(_) => DamageKind::Unreachable,
            Self::Row(_) => DamageKind::Row,
            Self::Archive(_) => DamageKind::Archive,
        }
    }
}

/// How often each kind of damage was met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally {
    counts: BTreeMap<DamageKind, u64>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, kind: DamageKind) {
        *self.counts.entry(kind).or_default() += 1;
    }

    /// Adds the counts of another tally.
    pub fn merge(&mut self, other: &Self) {
        for (kind, count) in other.iter() {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    /// How often this kind was met.
    pub fn count(&self, kind: DamageKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// How often any kind was met.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The kinds met, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DamageKind, u64)> {
        self.counts.iter().map(|(&kind, &count)| (kind, count))
    }
}

impl FromIterator<(DamageKind, u64)> for Tally {
    /// Counts of one kind are added up.
    fn from_iter<I: IntoIterator<Item = (DamageKind, u64)>>(counts: I) -> Self {
        let mut tally = Self::default();
        counts.into_iter().for_each(|(kind, count)| *tally.counts.entry(kind).or_default() += count);
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return f.write_str("none");
        }
        for (i, (kind, count)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{} {count}", kind.name())?;
        }
        Ok(())
    }
}
