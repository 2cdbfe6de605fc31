use std::fs::File;
use std::path::PathBuf;

use super::shard_file::ShardFile;
use super::tar_scan::{Entry, Scan, scan};
use super::{Picture, Source};
use crate::{Annotation, Damage, DataError, Limits, Metadata, Tally};

/// Image-caption pairs in tar shards (WebDataset layout), indexed once and read at random.
///
/// A sample is the members of a shard that share a key (the path up to the first dot of the file name): a picture
/// (`.png`, `.jpg`, `.jpeg`, `.webp`), a caption (`.txt`, or the field `caption` of `.json`) and metadata (`.json`).
/// Samples are numbered in the order of the shards and of their members, from 0.
#[derive(Debug)]
pub struct TarShards {
    shards: Vec<ShardFile>,
    entries: Vec<(u32, Entry)>,
    limits: Limits,
    tally: Tally,
    warnings: Vec<String>,
}

/// More shards than this are opened anew for each read instead of being kept open.
const KEEP_OPEN: usize = 256;

impl TarShards {
    /// Indexes these shards, in this order.
    ///
    /// Damage is counted in [`Source::tally`] and, where it concerns a whole shard, told in [`Source::warnings`]: a shard that
    /// is cut off keeps the samples before the cut, an empty one adds none.
    ///
    /// # Errors
    /// When a shard cannot be opened, when no sample of a shard has a caption, or when nothing is left at all.
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, limits: Limits) -> Result<Self, DataError> {
        let mut source =
            Self { shards: Vec::new(), entries: Vec::new(), limits, tally: Tally::default(), warnings: Vec::new() };
        for path in paths {
            source.add_shard(path)?;
        }
        if source.entries.is_empty() {
            return Err(DataError::NoSamples {
                shards: source.shards.len(),
                damage: source.tally.to_string(),
                first: source.warnings.first().cloned().unwrap_or_default(),
            });
        }
        Ok(source)
    }

    fn add_shard(&mut self, path: PathBuf) -> Result<(), DataError> {
        let read_error = |source| DataError::Read { path: path.clone(), source };
        let file = File::open(&path).map_err(read_error)?;
        let found = scan(&file, &self.limits).map_err(read_error)?;
        let name = path.display().to_string();
        for warning in &found.warnings {
            self.warnings.push(format!("{name}: {warning}"));
        }
        if found.entries.is_empty() && found.without_text == 0 {
            self.warnings.push(format!("{name}: no samples in it"));
        }
        self.tally.merge(&found.tally);
        let keep = (self.shards.len() < KEEP_OPEN).then_some(file);
        let shard = ShardFile::new(path, keep);
        if !any_caption(&shard, &found, &self.limits) {
            return Err(DataError::NoCaptions {
                shard: shard.path().to_owned(),
                samples: found.entries.len() + found.without_text,
            });
        }
        let number = self.shards.len() as u32;
        self.shards.push(shard);
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
fn any_caption(shard: &ShardFile, scan: &Scan, limits: &Limits) -> bool {
    let empty = scan.entries.is_empty() && scan.without_text == 0;
    empty
        || scan.entries.iter().any(|entry| {
            // Damage of another kind says nothing about captions and is met again when training.
            !matches!(annotate(shard, entry, limits), Err(Damage::NoCaption))
        })
}

impl Source for TarShards {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn name(&self, index: usize) -> String {
        match self.entries.get(index) {
            Some((shard, entry)) => {
                let path = self.shards[*shard as usize].path();
                format!("{}:{}", path.display(), entry.key)
            }
            None => format!("sample {index} of {}", self.len()),
        }
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let (shard, entry) = self.entry(index)?;
        annotate(shard, entry, &self.limits)
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let (shard, entry) = self.entry(index)?;
        shard.read(entry.image).map(Picture::Encoded)
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn groups(&self) -> Vec<usize> {
        let mut lengths = vec![0; self.shards.len()];
        for (shard, _) in &self.entries {
            lengths[*shard as usize] += 1;
        }
        lengths
    }
}

fn annotate(shard: &ShardFile, entry: &Entry, limits: &Limits) -> Result<Annotation, Damage> {
    let metadata = match entry.json {
        Some(span) => Metadata::parse(&shard.read(span)?)?,
        None => Metadata::default(),
    };
    let mut caption = String::new();
    if let Some(span) = entry.text {
        caption = String::from_utf8(shard.read(span)?).map_err(|_| Damage::Encoding)?;
    }
    let caption = [caption.as_str(), metadata.text("caption").unwrap_or_default()]
        .map(str::trim)
        .into_iter()
        .find(|text| !text.is_empty())
        .ok_or(Damage::NoCaption)?
        .to_owned();
    // The index has seen to `.txt`; a caption in `.json` may be as long as the whole member.
    if caption.len() as u64 > limits.caption_bytes {
        let member = format!("{}.json", entry.key);
        return Err(Damage::TooLarge { member, bytes: caption.len() as u64, limit: limits.caption_bytes });
    }
    Ok(Annotation { key: entry.key.to_string(), caption, other_captions: Vec::new(), metadata })
}
