use std::fs::{self, File};
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use vlp_augment::read_regular;

use super::cache::Cache;
use crate::source::tar_options::{KeyRule, TarOptions};
use crate::source::tar_scan::{Entry, Scan, Span};
use crate::{LeftOut, Limits, Tally};

/// What one pass over a shard found, kept in the cache longer than the shard: which samples there are, and where.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::source) struct IndexFile {
    version: u32,
    pub(super) url: String,
    pub(in crate::source) length: u64,
    pub(super) etag: Option<String>,
    /// What depends on limits was decided under these.
    limits: [u64; 3],
    key: KeyRule,
    /// Whether there are captions was decided by these.
    #[serde(default)]
    captions_in: (Vec<String>, bool),
    without_text: usize,
    /// Whether a sample has a caption.
    pub(in crate::source) captions: bool,
    tally: Tally,
    left_out: LeftOut,
    repeated: (u64, Option<String>),
    warnings: Vec<String>,
    /// Key, then offset and length of picture, text and metadata.
    entries: Vec<(String, SpanPair, Option<SpanPair>, Option<SpanPair>)>,
}

type SpanPair = (u64, u32);

const VERSION: u32 = 2;

impl IndexFile {
    pub(super) fn new(
        url: &str,
        (length, etag): (u64, Option<String>),
        (options, limits): (&TarOptions, &Limits),
        captions: bool,
        scan: Scan,
    ) -> Self {
        let pair = |span: Span| (span.offset, span.length);
        let entry = |entry: Entry| (entry.key.into(), pair(entry.image), entry.text.map(pair), entry.json.map(pair));
        Self {
            version: VERSION,
            url: url.to_owned(),
            length,
            etag,
            limits: relevant(limits),
            key: options.key,
            captions_in: (options.captions.clone(), options.caption_lines),
            without_text: scan.without_text,
            captions,
            tally: scan.tally,
            left_out: scan.left_out,
            repeated: scan.repeated,
            warnings: scan.warnings,
            entries: scan.entries.into_iter().map(entry).collect(),
        }
    }

    /// The index of a URL by this rule and under these limits; none where there is none, or it is not whole.
    pub(super) fn read(
        cache: &Cache,
        name: &str,
        url: &str,
        (options, limits): (&TarOptions, &Limits),
    ) -> Option<Self> {
        let index: Self = serde_json::from_slice(&read_regular(cache.path(name, "index")).ok()?).ok()?;
        let inside = |(offset, length): &SpanPair| offset.saturating_add(u64::from(*length)) <= index.length;
        let whole = index.entries.iter().all(|(_, image, text, json)| {
            inside(image) && text.as_ref().is_none_or(inside) && json.as_ref().is_none_or(inside)
        });
        let by_same = index.captions_in == (options.captions.clone(), options.caption_lines);
        let same = index.version == VERSION
            && index.url == url
            && index.key == options.key
            && by_same
            && index.limits == relevant(limits);
        (whole && same).then_some(index)
    }

    pub(super) fn write(&self, cache: &Cache, name: &str) -> io::Result<()> {
        let unfinished = cache.path(name, "index-part");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(unfinished, cache.path(name, "index"))
    }

    pub(in crate::source) fn into_scan(self) -> Scan {
        let span = |(offset, length): SpanPair| Span { offset, length };
        let entries = self.entries.into_iter().map(|(key, image, text, json)| Entry {
            key: key.into(),
            image: span(image),
            text: text.map(span),
            json: json.map(span),
        });
        let entries = entries.collect();
        Scan {
            entries,
            without_text: self.without_text,
            tally: self.tally,
            left_out: self.left_out,
            repeated: self.repeated,
            warnings: self.warnings,
        }
    }
}

fn relevant(limits: &Limits) -> [u64; 3] {
    [limits.entry_bytes, limits.caption_bytes, limits.metadata_bytes]
}
