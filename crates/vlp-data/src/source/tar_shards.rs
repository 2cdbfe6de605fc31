#[cfg(feature = "remote")]
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clip_benchmark::export_of;

#[cfg(feature = "remote")]
use super::far_shards::Far;
use super::files::open_file;
use super::open_files::Kept;
use super::shard_file::{Seen, ShardFile};
use super::tar_options::TarOptions;
use super::tar_reading::Reading;
use super::tar_scan::{Entry, Scan, Span, scan};
use super::{Picture, Source};
use crate::fingerprint::{Fingerprint, last_part};
use crate::{Annotation, Damage, DataError, Limits, Metadata, Tally};

/// Image-caption pairs in tar shards (WebDataset layout), indexed once and read at random.
///
/// A sample is the members of a shard that share a key (the path up to the first dot of the file name): a picture
/// (`.png`, `.jpg`, `.jpeg`, `.webp`), a caption (`.txt`, or the field `caption` of `.json`) and metadata (`.json`).
/// Samples are numbered in the order of the shards and of their members, from 0.
#[derive(Debug)]
pub struct TarShards {
    pub(super) shards: Vec<ShardFile>,
    entries: Vec<(u32, Entry)>,
    options: TarOptions,
    /// What the text of a shard's samples is.
    readings: Vec<Arc<Reading>>,
    limits: Limits,
    tally: Tally,
    warnings: Vec<String>,
    /// What shards that are fetched need beyond that.
    #[cfg(feature = "remote")]
    pub(super) far: Option<Far>,
}

impl TarShards {
    /// Indexes these shards, in this order.
    ///
    /// Damage is counted in [`Source::tally`] and, where it concerns a whole shard, told in [`Source::warnings`]: a shard that
    /// is cut off keeps the samples before the cut, an empty one adds none.
    ///
    /// # Errors
    /// When a shard cannot be opened, when no sample of a shard has a caption, or when nothing is left at all.
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, limits: Limits) -> Result<Self, DataError> {
        Self::open_with(paths, &TarOptions::default(), limits)
    }

    /// As [`TarShards::open`], with a say in where captions are.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(
        paths: impl IntoIterator<Item = PathBuf>,
        options: &TarOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        let mut source = Self::empty(options, limits);
        for path in paths {
            source.add_local(path)?;
        }
        source.finish()
    }

    pub(super) fn empty(options: &TarOptions, limits: Limits) -> Self {
        Self {
            shards: Vec::new(),
            entries: Vec::new(),
            options: options.clone(),
            readings: Vec::new(),
            limits,
            tally: Tally::default(),
            warnings: Vec::new(),
            #[cfg(feature = "remote")]
            far: None,
        }
    }

    pub(super) fn finish(self) -> Result<Self, DataError> {
        if self.entries.is_empty() {
            return Err(DataError::NoSamples {
                shards: self.shards.len(),
                damage: self.tally.to_string(),
                first: self.warnings.first().cloned().unwrap_or_default(),
            });
        }
        Ok(self)
    }

    pub(super) fn add_local(&mut self, path: PathBuf) -> Result<(), DataError> {
        let read_error = |source| DataError::Read { path: path.clone(), source };
        let file = open_file(&path)?;
        let reading = self.reading(&path)?;
        let found = scan(&file, reading.text_field(), &self.limits).map_err(read_error)?;
        let seen = Seen::of(&file).map_err(read_error)?;
        let shard = ShardFile::Local { open: Kept::keep(file), path, seen };
        let captions = any_caption(&shard, &found, &reading, &self.limits);
        self.add(shard, found, reading, captions)
    }

    /// How the text of a shard is read; that of its neighbour, where both lie in one folder.
    fn reading(&self, path: &Path) -> Result<Arc<Reading>, DataError> {
        let known = match (self.shards.last(), self.readings.last()) {
            (Some(ShardFile::Local { path: last, .. }), Some(reading)) if last.parent() == path.parent() => {
                Some(reading)
            }
            _ => None,
        };
        known.map_or_else(|| Ok(Arc::new(Reading::new(&self.options, export_of(path)?))), |known| Ok(Arc::clone(known)))
    }

    /// Adds what was found in a shard, and whether a sample of it has a caption.
    pub(super) fn add(
        &mut self,
        shard: ShardFile,
        found: Scan,
        reading: Arc<Reading>,
        captions: bool,
    ) -> Result<(), DataError> {
        let name = shard.name();
        for warning in &found.warnings {
            self.warnings.push(format!("{name}: {warning}"));
        }
        if found.entries.is_empty() && found.without_text == 0 {
            self.warnings.push(format!("{name}: no samples in it"));
        }
        self.tally.merge(&found.tally);
        if !captions {
            return Err(DataError::NoCaptions {
                samples: found.entries.len() + found.without_text,
                fields: fields_of(&shard, &found),
                shard: name.into(),
            });
        }
        let number = self.shards.len() as u32;
        self.shards.push(shard);
        self.readings.push(reading);
        self.entries.extend(found.entries.into_iter().map(|entry| (number, entry)));
        Ok(())
    }

    fn entry(&self, index: usize) -> Result<(&ShardFile, &Entry), Damage> {
        match self.entries.get(index) {
            Some((shard, entry)) => Ok((&self.shards[*shard as usize], entry)),
            None => Err(Damage::Io(format!("there is no {}", self.name(index)))),
        }
    }
}

/// Whether a shard without captions can be ruled out: usually the first sample settles it.
fn any_caption(shard: &ShardFile, scan: &Scan, reading: &Reading, limits: &Limits) -> bool {
    any_caption_by(scan, reading, limits, |span| shard.read(span))
}

/// The fields that the first readable `.json` of a shard has, for whoever has to name one.
fn fields_of(shard: &ShardFile, scan: &Scan) -> String {
    let metadata = |entry: &Entry| Metadata::parse(&shard.read(entry.json?).ok()?).ok();
    let names = scan.entries.iter().take(10).find_map(metadata).map(|metadata| {
        metadata.fields().keys().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    });
    match names {
        Some(names) if !names.is_empty() => {
            format!("; the first .json has {names}: name the field of captions in `captions`")
        }
        _ => String::new(),
    }
}

/// The same for a shard that is only a file yet.
#[cfg(feature = "remote")]
pub(super) fn any_caption_in(file: &File, scan: &Scan, reading: &Reading, limits: &Limits) -> bool {
    any_caption_by(scan, reading, limits, |span| {
        let mut bytes = vec![0; span.length as usize];
        super::positioned::read_at(file, &mut bytes, span.offset).map_err(|error| Damage::Io(error.to_string()))?;
        Ok(bytes)
    })
}

fn any_caption_by(
    scan: &Scan,
    reading: &Reading,
    limits: &Limits,
    read: impl Fn(Span) -> Result<Vec<u8>, Damage>,
) -> bool {
    let empty = scan.entries.is_empty() && scan.without_text == 0;
    empty
        || scan.entries.iter().any(|entry| {
            // Damage of another kind says nothing about captions and is met again when training.
            !matches!(annotate(&read, entry, reading, limits), Err(Damage::NoCaption))
        })
}

/// Whether a name is a URL.
#[cfg(feature = "remote")]
pub(super) fn is_remote(name: &str) -> bool {
    name.contains("://")
}

impl Source for TarShards {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn name(&self, index: usize) -> String {
        match self.entries.get(index) {
            Some((shard, entry)) => {
                format!("{}:{}", self.shards[*shard as usize].name(), entry.key)
            }
            None => format!("sample {index} of {}", self.len()),
        }
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let (shard, entry) = self.entry(index)?;
        let reading = &self.readings[self.entries[index].0 as usize];
        annotate(|span| shard.read(span), entry, reading, &self.limits)
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let (shard, entry) = self.entry(index)?;
        shard.read(entry.image).map(Picture::Encoded)
    }

    fn key(&self, index: usize) -> Result<String, Damage> {
        self.entry(index).map(|(_, entry)| entry.key.to_string())
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for shard in &self.shards {
            fingerprint.bytes(last_part(&shard.name()).as_bytes());
        }
        for (shard, entry) in &self.entries {
            fingerprint.number(u64::from(*shard));
            fingerprint.bytes(entry.key.as_bytes());
            for span in [Some(entry.image), entry.text, entry.json].into_iter().flatten() {
                fingerprint.number(span.offset);
                fingerprint.number(u64::from(span.length));
            }
        }
        fingerprint.finish()
    }

    fn groups(&self) -> Vec<usize> {
        let mut lengths = vec![0; self.shards.len()];
        for (shard, _) in &self.entries {
            lengths[*shard as usize] += 1;
        }
        lengths
    }

    #[cfg(feature = "remote")]
    fn soon(&self, index: usize) {
        if let (Some(far), Ok((ShardFile::Remote(shard), _))) = (&self.far, self.entry(index)) {
            far.ahead.want(self.entries[index].0 as usize, shard);
        }
    }

    #[cfg(feature = "remote")]
    fn fetched(&self) -> Option<crate::Fetched> {
        self.far.as_ref().map(|far| far.fetched.clone())
    }
}

fn annotate(
    read: impl Fn(Span) -> Result<Vec<u8>, Damage>,
    entry: &Entry,
    reading: &Reading,
    limits: &Limits,
) -> Result<Annotation, Damage> {
    let mut metadata = match entry.json {
        Some(span) => Metadata::parse(&read(span)?)?,
        None => Metadata::default(),
    };
    let mut text = String::new();
    if let Some(span) = entry.text {
        text = String::from_utf8(read(span)?).map_err(|_| Damage::Encoding)?;
    }
    let captions = reading.captions(&text, &mut metadata)?.into_iter();
    let mut captions = captions.map(|caption| caption.trim().to_owned()).filter(|caption| !caption.is_empty());
    let caption = captions.next().ok_or(Damage::NoCaption)?;
    let other_captions: Vec<String> = captions.collect();
    // The index has seen to `.txt`; a caption in `.json` may be as long as the whole member.
    let longest = other_captions.iter().map(String::len).max().unwrap_or_default().max(caption.len()) as u64;
    if longest > limits.caption_bytes {
        let member = format!("{}.json", entry.key);
        return Err(Damage::TooLarge { member, bytes: longest, limit: limits.caption_bytes });
    }
    Ok(Annotation { key: entry.key.to_string(), caption, other_captions, metadata })
}
