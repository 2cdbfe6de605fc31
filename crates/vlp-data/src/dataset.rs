use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::shard::{Entry, Scan, ShardFile, scan};
use crate::{Annotation, Damage, DataError, Limits, Metadata, Sample, Tally, decode};

/// Image-caption pairs in tar shards (WebDataset layout), indexed once and read at random.
///
/// A sample is the members of a shard that share a key (the path up to the first dot of the file name): a picture
/// (`.png`, `.jpg`, `.jpeg`, `.webp`), a caption (`.txt`, or the field `caption` of `.json`) and metadata (`.json`).
/// Samples are numbered in the order of the shards and of their members, from 0.
#[derive(Debug)]
pub struct Dataset {
    shards: Vec<ShardFile>,
    entries: Vec<(u32, Entry)>,
    limits: Limits,
    tally: Tally,
    warnings: Vec<String>,
}

/// More shards than this are opened anew for each read instead of being kept open.
const KEEP_OPEN: usize = 256;

impl Dataset {
    /// Indexes the shards of a directory whose names begin with `prefix` and end in `.tar`, in the order of their names.
    ///
    /// # Errors
    /// When the directory cannot be read or has no such file, and as [`Dataset::from_shards`].
    pub fn open(directory: impl AsRef<Path>, prefix: &str, limits: Limits) -> Result<Self, DataError> {
        let directory = directory.as_ref();
        let read_error = |source| DataError::Read { path: directory.to_owned(), source };
        let mut files = 0;
        let mut shards = Vec::new();
        for entry in fs::read_dir(directory).map_err(read_error)? {
            let path = entry.map_err(read_error)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files += 1;
            if name.starts_with(prefix) && name.ends_with(".tar") {
                shards.push(path);
            }
        }
        if shards.is_empty() {
            return Err(DataError::NoShards { directory: directory.to_owned(), prefix: prefix.to_owned(), files });
        }
        shards.sort();
        Self::from_shards(shards, limits)
    }

    /// Indexes these shards, in this order.
    ///
    /// Damage is counted in [`Dataset::tally`] and, where it concerns a whole shard, told in [`Dataset::warnings`]: a
    /// shard that is cut off keeps the samples before the cut, an empty one adds none.
    ///
    /// # Errors
    /// When a shard cannot be opened, when no sample of a shard has a caption, or when nothing is left at all.
    pub fn from_shards(paths: impl IntoIterator<Item = PathBuf>, limits: Limits) -> Result<Self, DataError> {
        let mut dataset =
            Self { shards: Vec::new(), entries: Vec::new(), limits, tally: Tally::default(), warnings: Vec::new() };
        for path in paths {
            dataset.add_shard(path)?;
        }
        if dataset.entries.is_empty() {
            return Err(DataError::NoSamples {
                shards: dataset.shards.len(),
                damage: dataset.tally.to_string(),
                first: dataset.warnings.first().cloned().unwrap_or_default(),
            });
        }
        Ok(dataset)
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
        for (kind, count) in found.tally.iter() {
            (0..count).for_each(|_| self.tally.add(kind));
        }
        let keep = (self.shards.len() < KEEP_OPEN).then_some(file);
        let shard = ShardFile::new(path, keep);
        if !self.any_caption(&shard, &found) {
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

    /// Whether a shard without captions can be ruled out: usually the first sample settles it.
    fn any_caption(&self, shard: &ShardFile, scan: &Scan) -> bool {
        let empty = scan.entries.is_empty() && scan.without_text == 0;
        empty
            || scan.entries.iter().any(|entry| {
                // Damage of another kind says nothing about captions and is met again when training.
                !matches!(annotate(shard, entry), Err(Damage::NoCaption))
            })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never true: a dataset without samples is an error when it is opened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Damage found while indexing; those samples are not numbered.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What is wrong with whole shards, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The limits samples are read under.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Name of sample `index` for messages: shard and key.
    pub fn name(&self, index: usize) -> String {
        match self.entries.get(index) {
            Some((shard, entry)) => {
                let path = self.shards[*shard as usize].path();
                format!("{}:{}", path.display(), entry.key)
            }
            None => format!("sample {index} of {}", self.len()),
        }
    }

    /// Key, caption and metadata of sample `index`, without reading its picture.
    ///
    /// # Errors
    /// The damage that makes it unusable.
    pub fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let (shard, entry) = self.entry(index)?;
        annotate(shard, entry)
    }

    /// Sample `index`, decoded, unaugmented.
    ///
    /// # Errors
    /// The damage that makes it unusable.
    pub fn sample(&self, index: usize) -> Result<Sample, Damage> {
        let (shard, entry) = self.entry(index)?;
        let annotation = annotate(shard, entry)?;
        let image = decode(&shard.read(entry.image)?, &self.limits)?;
        Ok(Sample { image, annotation })
    }

    fn entry(&self, index: usize) -> Result<(&ShardFile, &Entry), Damage> {
        match self.entries.get(index) {
            Some((shard, entry)) => Ok((&self.shards[*shard as usize], entry)),
            None => Err(Damage::Io(format!("there is no {}", self.name(index)))),
        }
    }
}

fn annotate(shard: &ShardFile, entry: &Entry) -> Result<Annotation, Damage> {
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
    Ok(Annotation { key: entry.key.to_string(), caption, metadata })
}
