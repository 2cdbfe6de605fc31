use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clip_benchmark::export_of;
#[cfg(feature = "remote")]
use super::far_shards::Far;
use super::files::open_file;
use super::open_files::Kept;
use super::positioned::Positioned;
use super::shard_file::{Seen, ShardFile};
use super::tar_options::TarOptions;
use super::tar_reading::Reading;
use super::tar_scan::{Entry, Scan, Span, scan};
use super::unpack::{Packing, Unpacked};
use super::unread::{DOT_IN_KEY, SECOND_PICTURE};
use super::{Picture, Source};
use crate::fingerprint::{Fingerprint, last_part};
use crate::{Annotation, Damage, DataError, LeftOut, Limits, Metadata, Tally, printable};

/// Image-caption pairs in tar shards (WebDataset layout), indexed once and read at random.
///
/// A sample is the members of a shard that share a key (the path up to the first dot of the file name, or the last: see
/// [`KeyRule`](crate::KeyRule)): a picture (`.jpg`, `.png`, `.jpeg`, `.webp` and those of the image features; the first of these,
/// as in open_clip, where there are several), a caption (`.txt`, or the field `caption` of `.json`) and metadata (`.json`). A part
/// that comes twice begins another sample of the same key. Samples are numbered in the order of the shards and of their members,
/// from 0.
///
/// Shards packed with gzip, or with zstd, xz or bzip2 (feature `compressed`), whatever their names are, are unpacked when they are
/// opened: see [`TarOptions`].
#[derive(Debug)]
pub struct TarShards {
    pub(super) shards: Vec<ShardFile>,
    entries: Vec<(u32, Entry)>,
    pub(super) options: TarOptions,
    /// How the captions of each shard are found.
    readings: Vec<Arc<Reading>>,
    pub(super) limits: Limits,
    tally: Tally,
    left_out: LeftOut,
    /// Samples whose key another one of their shard has too, and the first such key.
    repeated: (u64, Option<String>),
    warnings: Vec<String>,
    unpacked: Unpacked,
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

    /// As [`TarShards::open`], with a say in how names are read and packed shards unpacked.
    ///
    /// # Errors
    /// As there, and when packed shards unpack to more than the options allow.
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
            left_out: LeftOut::default(),
            repeated: (0, None),
            warnings: Vec::new(),
            unpacked: Unpacked::default(),
            #[cfg(feature = "remote")]
            far: None,
        }
    }

    pub(super) fn finish(mut self) -> Result<Self, DataError> {
        self.warn_of_names();
        if self.entries.is_empty() {
            return Err(DataError::NoSamples {
                shards: self.shards.len(),
                damage: self.tally.to_string(),
                first: self.warnings.first().cloned().unwrap_or_default(),
            });
        }
        Ok(self)
    }

    /// What the rules for names make of members that look like parts of samples.
    fn warn_of_names(&mut self) {
        let of = |wanted| self.left_out.iter().find(|(reason, _)| *reason == wanted).map(|(_, found)| found);
        let mut warnings = Vec::new();
        if let Some(dotted) = of(DOT_IN_KEY) {
            let example = dotted.examples.first().map_or("", String::as_str);
            let file = example.rfind('/').map_or(0, |slash| slash + 1);
            let (key, field) = example[file..].split_once('.').unwrap_or_default();
            warnings.push(format!(
                "{} members belong to no sample, since a key ends at the first dot of a file name, e.g. `{example}`: key `{key}`, field \
                 `{field}`; `KeyRule::LastDot` (key = \"last_dot\") reads them",
                dotted.count
            ));
        }
        if let Some(second) = of(SECOND_PICTURE) {
            warnings.push(format!(
                "{} pictures are left out since their samples have another one that goes before (jpg, png, jpeg, webp), e.g. `{}`",
                second.count,
                second.examples.join("`, `")
            ));
        }
        if let (count @ 1.., Some(key)) = &self.repeated {
            let key = printable(key);
            warnings.push(format!("{count} samples have the key of another one of their shard, e.g. `{key}`; all are kept, as in open_clip"));
        }
        // Before those of single shards, as they say why a shard seems empty.
        self.warnings.splice(0..0, warnings);
    }

    pub(super) fn add_local(&mut self, path: PathBuf) -> Result<(), DataError> {
        let read_error = |source| DataError::Read { path: path.clone(), source };
        let opened = open_file(&path)?;
        let seen = Seen::of(&opened).map_err(read_error)?;
        let whole = Positioned::new(Arc::new(opened)).map_err(read_error)?;
        let packing = Packing::of(&whole).map_err(read_error)?;
        let (file, broken) = match packing {
            None => (whole, None),
            Some(packing) => self.unpacked.add(&path, &whole, packing, &self.options)?,
        };
        let reading = self.reading(&path)?;
        let mut found = scan(&file, reading.text_field(), &self.options, &self.limits).map_err(read_error)?;
        found.warnings.extend(broken);
        let captions = any_caption(&file, &found, &reading, &self.limits);
        // What is unpacked lies in one file for all, which stays open anyway.
        let open = if packing.is_some() { Some(Kept::shared(file)) } else { Kept::keep(file) };
        let shard = ShardFile::Local { path, open, seen };
        self.add(shard, found, reading, captions)
    }

    /// How the captions of a shard are found; as those of its neighbour, where both lie in one folder.
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
            self.warnings.push(printable(&format!("{name}: {warning}")).into_owned());
        }
        if found.entries.is_empty() && found.without_text == 0 {
            self.warnings.push(format!("{name}: no samples in it"));
        }
        self.tally.merge(&found.tally);
        self.left_out.merge(&found.left_out);
        self.repeated.0 += found.repeated.0;
        if self.repeated.1.is_none() {
            self.repeated.1 = found.repeated.1;
        }
        if !captions {
            return Err(DataError::NoCaptions {
                samples: found.entries.len() + found.without_text,
                fields: fields_of(&shard, &found.entries),
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
pub(super) fn any_caption(file: &Positioned, scan: &Scan, reading: &Reading, limits: &Limits) -> bool {
    let read = |span: Span| {
        let mut bytes = vec![0; span.length as usize];
        file.read_at(&mut bytes, span.offset).map_err(|error| Damage::Io(error.to_string()))?;
        Ok(bytes)
    };
    let empty = scan.entries.is_empty() && scan.without_text == 0;
    empty
        || scan.entries.iter().any(|entry| {
            // Damage of another kind says nothing about captions and is met again when training.
            !matches!(annotate(read, entry, reading, limits), Err(Damage::NoCaption))
        })
}

/// The fields that the first readable `.json` of a shard has, for whoever has to name one.
fn fields_of(shard: &ShardFile, entries: &[Entry]) -> String {
    let metadata = |entry: &Entry| Metadata::parse(&shard.read(entry.json?).ok()?).ok();
    let names = entries.iter().take(10).find_map(metadata).map(|metadata| {
        metadata.fields().keys().take(20).map(|name| format!("`{}`", printable(name))).collect::<Vec<_>>().join(", ")
    });
    match names {
        Some(names) if !names.is_empty() => {
            format!("; the first .json has {names}: name the field of captions in `captions`")
        }
        _ => String::new(),
    }
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

    fn left_out(&self) -> LeftOut {
        let mut left_out = self.left_out.clone();
        self.tally.iter().for_each(|(kind, count)| left_out.add_count(kind.name(), count));
        left_out
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
    let mut text = String::new();
    if let Some(span) = entry.text {
        text = String::from_utf8(read(span)?).map_err(|_| Damage::Encoding)?;
    }
    let mut metadata = match entry.json {
        Some(span) if reading.needs_fields(&text) => Metadata::parse(&read(span)?)?,
        Some(span) => Metadata::parse_or_note(&read(span)?),
        None => Metadata::default(),
    };
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
