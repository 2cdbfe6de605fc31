use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DataError, Dataset, LeftOut, SourceOptions};

/// How thoroughly a dataset is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InspectOptions {
    /// Pictures that are decoded, evenly spread: they give the time of an epoch. All others are only read, and their size is taken
    /// from their headers.
    pub decode: usize,
    /// Threads; one for each core where none are given.
    pub workers: Option<usize>,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self { decode: 256, workers: None }
    }
}

/// What is in a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Samples it numbers.
    pub samples: u64,
    /// What its sources left out when they were opened.
    pub left_out: LeftOut,
    /// Samples that turned out to be damaged when they were read.
    pub damaged: LeftOut,
    /// What is wrong with whole sources, a sentence each.
    pub warnings: Vec<String>,
    /// How many samples have so many captions.
    pub captions: BTreeMap<usize, u64>,
    /// Words of a caption.
    pub words: Spread,
    /// Width of the pictures in pixels.
    pub width: Spread,
    /// Height of the pictures in pixels.
    pub height: Spread,
    /// Size of the pictures' files in KiB, rounded up.
    pub kibibytes: Spread,
    /// How many pictures are of which format, by their content.
    pub formats: BTreeMap<String, u64>,
    /// What comes more than once.
    pub duplicates: Duplicates,
    /// Pictures that were decoded.
    pub decoded: u64,
    /// What one pass takes with these threads: reading and decoding, without augmentation.
    pub epoch_seconds: f64,
    /// Threads.
    pub workers: usize,
}

/// What comes more than once in a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Samples whose picture has the bytes of an earlier one.
    pub pictures: u64,
    /// Samples whose first caption an earlier one has.
    pub captions: u64,
    /// Samples with picture and first caption of an earlier one.
    pub pairs: u64,
    /// Names of the first few samples with the bytes of an earlier picture.
    pub examples: Vec<String>,
}

/// Smallest, middle and largest value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// The smallest.
    pub least: u64,
    /// The middle one.
    pub median: u64,
    /// The largest.
    pub most: u64,
}

/// Opens what a path names and looks at every sample of it.
///
/// # Errors
/// As [`Dataset::from_path_with`] and [`Dataset::inspect`].
pub fn inspect(path: &str, source: &SourceOptions, options: &InspectOptions) -> Result<Inspection, DataError> {
    Dataset::from_path_with(path, source)?.inspect(options)
}

impl Inspection {
    /// Whether the sources left out no sample by their own rules: see [`LeftOut::lost`].
    pub fn is_whole(&self) -> bool {
        self.left_out.lost() == 0
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} samples", self.samples)?;
        section(f, "left out when opened", &self.left_out)?;
        section(f, "damaged when read", &self.damaged)?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        let captions: Vec<_> = self.captions.iter().map(|(of, samples)| format!("{of} x {samples}")).collect();
        writeln!(f, "captions a sample: {}", list(&captions))?;
        writeln!(f, "words a caption: {}", self.words)?;
        let formats: Vec<_> = self.formats.iter().map(|(format, count)| format!("{format} {count}")).collect();
        writeln!(f, "pictures: {}", list(&formats))?;
        writeln!(f, "width: {} pixels; height: {} pixels; {} KiB", self.width, self.height, self.kibibytes)?;
        let Duplicates { pictures, captions, pairs, examples } = &self.duplicates;
        writeln!(f, "seen before: {pictures} pictures, {captions} captions, {pairs} pairs of both")?;
        examples.iter().try_for_each(|name| writeln!(f, "    {name}"))?;
        let (seconds, workers) = (self.epoch_seconds, self.workers);
        let speed = self.samples as f64 / seconds.max(1e-9);
        write!(f, "an epoch: {} with {workers} threads ({speed:.0} samples a second read and decoded", time(seconds))?;
        write!(f, ", by {} that were decoded; augmentation and model not included)", self.decoded)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, what: &LeftOut) -> fmt::Result {
    writeln!(f, "{title}: {}", what.total())?;
    if what.is_empty() {
        return Ok(());
    }
    what.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        ..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}, median {}", self.least, self.most, self.median)
    }
}
