use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fingerprint::Fingerprint;
use crate::source::{ColumnRole, CsvOptions, FolderCaptions, Idx, Picture, Source, Table, TarShards, YfccZips};
use crate::{
    Alpha, Annotation, Damage, DataError, Fetched, LeftOut, Limits, Sample, Sampling, Tally, TarOptions, decode_with,
    printable,
};

/// Image-caption pairs from one or several sources, numbered from 0 and read at random.
///
/// ```no_run
/// # fn main() -> Result<(), vlp_data::DataError> {
/// use vlp_data::{CsvOptions, Dataset, Limits};
///
/// let shards = Dataset::tars("cc3m/{00000..00331}.tar", Limits::default())?;
/// let table = Dataset::csv("own/captions.tsv", &CsvOptions::default(), Limits::default())?;
/// // Each sample of the table is seen three times as often.
/// let both = Dataset::mix([(shards, 1.0), (table, 3.0)])?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dataset {
    parts: Vec<Part>,
    tally: Tally,
    warnings: Vec<String>,
}

#[derive(Debug)]
struct Part {
    source: Arc<dyn Source>,
    weight: f64,
    /// Number of its first sample.
    first: usize,
    /// How its pictures are decoded.
    limits: Limits,
    alpha: Alpha,
}

impl Dataset {
    /// A dataset of one source; pictures are decoded under these limits.
    ///
    /// # Errors
    /// When the source is empty.
    pub fn new(source: impl Source + 'static, limits: Limits) -> Result<Self, DataError> {
        if source.is_empty() {
            return Err(DataError::NoSamples {
                shards: source.groups().len(),
                damage: source.tally().to_string(),
                first: source.warnings().first().cloned().unwrap_or_default(),
            });
        }
        let (tally, warnings) = (source.tally().clone(), source.warnings().to_vec());
        let parts = vec![Part { source: Arc::new(source), weight: 1.0, first: 0, limits, alpha: Alpha::default() }];
        Ok(Self { parts, tally, warnings })
    }

    /// Indexes these shards, in this order.
    ///
    /// # Errors
    /// As [`TarShards::open`].
    pub fn from_shards(paths: impl IntoIterator<Item = PathBuf>, limits: Limits) -> Result<Self, DataError> {
        Self::new(TarShards::open(paths, limits.clone())?, limits)
    }

    /// As [`Dataset::from_shards`], with a say in how names are read and packed shards unpacked.
    ///
    /// # Errors
    /// As [`TarShards::open_with`].
    pub fn from_shards_with(
        paths: impl IntoIterator<Item = PathBuf>,
        options: &TarOptions,
        limits: Limits,
    ) -> Result<Self, DataError> {
        Self::new(TarShards::open_with(paths, options, limits.clone())?, limits)
    }

    /// A table of picture paths and captions: see [`Table::from_csv`].
    ///
    /// # Errors
    /// As there.
    pub fn csv(path: impl AsRef<Path>, options: &CsvOptions, limits: Limits) -> Result<Self, DataError> {
        Self::new(Table::from_csv(path, options, limits.clone())?, limits)
    }

    /// JSON lines: see [`Table::from_json_lines`].
    ///
    /// # Errors
    /// As there.
    pub fn json_lines(path: impl AsRef<Path>, limits: Limits) -> Result<Self, DataError> {
        Self::new(Table::from_json_lines(path, limits.clone())?, limits)
    }

    /// A folder of pictures: see [`Table::from_folder`].
    ///
    /// # Errors
    /// As there.
    pub fn folder(root: impl AsRef<Path>, captions: FolderCaptions, limits: Limits) -> Result<Self, DataError> {
        Self::new(Table::from_folder(root, captions, limits.clone())?, limits)
    }

    /// Pictures and class numbers in IDX files (MNIST and its family), gzipped or not; `captions` has one for each class.
    ///
    /// # Errors
    /// When a file cannot be read, is no IDX file of bytes, or does not fit the other.
    pub fn idx(
        images: impl AsRef<Path>,
        labels: impl AsRef<Path>,
        captions: &[&str],
        limits: Limits,
    ) -> Result<Self, DataError> {
        Self::new(Idx::open(images.as_ref(), labels.as_ref(), captions, &limits)?, limits)
    }

    /// CC3M or CC12M as clip-rocket lays them out: see [`Table::from_npy`].
    ///
    /// # Errors
    /// As there.
    pub fn conceptual_captions(
        table: impl AsRef<Path>,
        root: impl Into<PathBuf>,
        limits: Limits,
    ) -> Result<Self, DataError> {
        Self::new(Table::from_npy(table, root, limits.clone())?, limits)
    }

    /// YFCC15M as clip-rocket lays it out: see [`YfccZips`].
    ///
    /// # Errors
    /// As [`YfccZips::open`].
    pub fn yfcc(table: impl AsRef<Path>, root: impl Into<PathBuf>, limits: Limits) -> Result<Self, DataError> {
        Self::new(YfccZips::open(table, root, limits.clone())?, limits)
    }

    /// Several datasets behind one another, each with a weight: how often its samples are seen, relative to others.
    ///
    /// Without replacement an epoch shows each sample `weight` times (a fraction of them, of a fractional part); with
    /// [`Sampling::Resampled`](crate::Sampling::Resampled) its share of the draws is proportional to its weight, as in open_clip,
    /// where a weight belongs to a shard.
    ///
    /// # Errors
    /// When nothing is given or a weight is not positive and finite.
    pub fn mix(datasets: impl IntoIterator<Item = (Self, f64)>) -> Result<Self, DataError> {
        let mut mixed: Option<Self> = None;
        for (dataset, weight) in datasets {
            if !(weight > 0.0 && weight <= 1e6) {
                let reason = "a weight must be a number above 0, at most a million".to_owned();
                return Err(DataError::Pattern { pattern: weight.to_string(), reason });
            }
            let into =
                mixed.get_or_insert_with(|| Self { parts: Vec::new(), tally: Tally::default(), warnings: Vec::new() });
            let first = into.len();
            into.tally.merge(&dataset.tally);
            into.warnings.extend(dataset.warnings);
            let scaled = |part: Part| Part { weight: part.weight * weight, first: part.first + first, ..part };
            into.parts.extend(dataset.parts.into_iter().map(scaled));
        }
        let reason = "no dataset to mix".to_owned();
        mixed.ok_or_else(|| DataError::Pattern { pattern: String::new(), reason })
    }

    /// The same samples with another treatment of transparent parts; they are laid on white otherwise.
    #[must_use]
    pub fn with_alpha(mut self, alpha: Alpha) -> Self {
        self.parts.iter_mut().for_each(|part| part.alpha = alpha);
        self
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.first + part.source.len())
    }

    /// Never true: a dataset without samples is an error when it is opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Damage found while indexing; those samples are not numbered.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What the sources leave out by their own rules, by reason and with examples; damage found while indexing is in it.
    pub fn left_out(&self) -> LeftOut {
        let mut all = LeftOut::default();
        self.parts.iter().for_each(|part| all.merge(&part.source.left_out()));
        all
    }

    /// What is wrong with whole shards, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Name of sample `index` for messages: shard and key, made [`printable`].
    pub fn name(&self, index: usize) -> String {
        let name = self.part(index).map(|part| part.source.name(index - part.first));
        name.map_or_else(|| format!("sample {index} of {}", self.len()), |name| printable(&name).into_owned())
    }

    /// Key, caption and metadata of sample `index`, without reading its picture.
    ///
    /// # Errors
    /// The damage that makes it unusable.
    pub fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        let part = self.existing(index)?;
        part.source.annotation(index - part.first)
    }

    /// The stored picture of sample `index`.
    ///
    /// # Errors
    /// The damage that makes it unusable.
    pub fn picture(&self, index: usize) -> Result<Picture, Damage> {
        let part = self.existing(index)?;
        part.source.picture(index - part.first)
    }

    /// Sample `index`, decoded, unaugmented.
    ///
    /// # Errors
    /// The damage that makes it unusable.
    pub fn sample(&self, index: usize) -> Result<Sample, Damage> {
        let annotation = self.annotation(index)?;
        let image = self.decode(index, self.picture(index)?)?;
        Ok(Sample { image, annotation })
    }

    /// The pixels of a picture that sample `index` has, with the limits and the treatment of transparency of the source it is from.
    ///
    /// # Errors
    /// As [`Picture::decode_with`].
    pub fn decode(&self, index: usize, picture: Picture) -> Result<vlp_augment::Image, Damage> {
        let part = self.existing(index)?;
        picture.decode_with(part.alpha, &part.limits)
    }

    /// The limits that sample `index` is read under.
    ///
    /// # Errors
    /// When there is no such sample.
    pub(crate) fn limits_of(&self, index: usize) -> Result<&Limits, Damage> {
        self.existing(index).map(|part| &part.limits)
    }

    /// What the source of a sample calls by this name.
    pub(crate) fn role(&self, index: usize, column: &str) -> Option<ColumnRole> {
        self.part(index)?.source.role(column)
    }

    /// Two datasets of what becomes of each source; none where nothing is left.
    pub(crate) fn split_parts<S: Source + 'static>(
        self,
        mut split: impl FnMut(&Arc<dyn Source>) -> [S; 2],
    ) -> (Option<Self>, Option<Self>) {
        let mut sides = [Vec::new(), Vec::new()];
        for part in &self.parts {
            for (side, source) in sides.iter_mut().zip(split(&part.source)) {
                if !source.is_empty() {
                    let first = side.last().map_or(0, |part: &Part| part.first + part.source.len());
                    let (limits, alpha) = (part.limits.clone(), part.alpha);
                    side.push(Part { source: Arc::new(source), weight: part.weight, first, limits, alpha });
                }
            }
        }
        let [one, other] = sides.map(|parts| {
            let (tally, warnings) = (self.tally.clone(), self.warnings.clone());
            (!parts.is_empty()).then_some(Self { parts, tally, warnings })
        });
        (one, other)
    }

    /// A hash of which samples there are and with which weights, from the index alone: the same when files were moved, another
    /// when one was added, taken away, renamed, reordered or packed anew. A [`Cursor`](crate::Cursor) keeps it.
    pub fn fingerprint(&self) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for part in &self.parts {
            fingerprint.number(part.source.len() as u64);
            fingerprint.number(part.weight.to_bits());
            fingerprint.number(part.source.fingerprint());
        }
        fingerprint.finish()
    }

    /// Lengths of the runs of samples that lie together, in order.
    pub(crate) fn groups(&self) -> Vec<usize> {
        self.parts.iter().flat_map(|part| part.source.groups()).collect()
    }

    /// Sample `index` will be asked for before long.
    pub(crate) fn soon(&self, index: usize) {
        if let Some(part) = self.part(index) {
            part.source.soon(index - part.first);
        }
    }

    /// Refuses an order that would fetch samples over and over.
    pub(crate) fn check(&self, sampling: Sampling) -> Result<(), DataError> {
        let mut caches = BTreeMap::<PathBuf, Fetched>::new();
        for fetched in self.parts.iter().filter_map(|part| part.source.fetched()) {
            // Sources that share a cache share its room.
            let both = caches.remove(&fetched.cache).map_or_else(|| fetched.clone(), |known| known.and(&fetched));
            caches.insert(fetched.cache, both);
        }
        caches.values().try_for_each(|fetched| fetched.check(sampling))
    }

    /// Number and weight of the samples of each part.
    pub(crate) fn weights(&self) -> Vec<(usize, f64)> {
        self.parts.iter().map(|part| (part.source.len(), part.weight)).collect()
    }

    fn part(&self, index: usize) -> Option<&Part> {
        let behind = self.parts.partition_point(|part| part.first <= index);
        self.parts[..behind].last().filter(|part| index - part.first < part.source.len())
    }

    fn existing(&self, index: usize) -> Result<&Part, Damage> {
        self.part(index).ok_or_else(|| Damage::Io(format!("there is no {}", self.name(index))))
    }
}

impl Picture {
    /// The picture's pixels, transparent parts laid on white.
    ///
    /// # Errors
    /// As [`decode`](crate::decode).
    pub fn decode(self, limits: &Limits) -> Result<vlp_augment::Image, Damage> {
        self.decode_with(Alpha::OnWhite, limits)
    }

    /// The picture's pixels.
    ///
    /// # Errors
    /// As [`decode_with`].
    pub fn decode_with(self, alpha: Alpha, limits: &Limits) -> Result<vlp_augment::Image, Damage> {
        match self {
            Self::Encoded(bytes) => decode_with(&bytes, alpha, limits),
            Self::Decoded(image) => Ok(image),
        }
    }
}
