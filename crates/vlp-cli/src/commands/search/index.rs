//! The vectors of pictures in a file, with what tells whether they are still true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vlp::augment::Image;
use vlp::eval::Embeddings;
use vlp::pretrained::{Model, Pictures};
use vlp::weights::{DType, HostTensor, ReadLimits, StateDict};

use super::beside;
use crate::batches::{self, BatchArgs, Damaged};
use crate::failure::{Blame, Failure};
use crate::screen::Screen;

const VERSION: u32 = 1;
const VECTORS: &str = "embeddings";
const LIST: &str = "pictures";

/// Which file, and for which model.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The vector of one fixed picture, which tells models apart.
    probe: Vec<f32>,
}

impl Place {
    /// The file given, or one for this model beside the first picture.
    pub(crate) fn new(model: &Model, weights: &Path, index: Option<PathBuf>, first: &Path) -> Result<Self, Failure> {
        let weights = weights.canonicalize().unwrap_or_else(|_| weights.to_path_buf());
        let hash = Sha256::digest(weights.as_os_str().as_encoded_bytes());
        let name: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let path = index.unwrap_or_else(|| beside(first).join(format!(".vlp-index-{name}.safetensors")));
        let (width, height) = (96, 64);
        // Stripes, so that size and cut of the preprocessing count.
        let pixel = |at: usize| [(at % width * 2) as u8, (at / width * 3) as u8, (at % 7 * 36) as u8];
        let picture = Image::new(width, height, (0..width * height).flat_map(pixel).collect()).failed()?;
        Ok(Place { path, probe: model.embed_pictures(&[picture]).failed()?.rows().iter().copied().collect() })
    }

    /// Whether vectors of a model with this probe are those of this model: by the same one on another machine they differ by rounding.
    fn is_of(&self, probe: &[f32]) -> bool {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-2;
        probe.len() == self.probe.len() && probe.iter().zip(&self.probe).all(near)
    }
}

/// Length and time of the last change, in nanoseconds since 1970.
fn stamp(path: &Path) -> Result<(u64, u64), Failure> {
    let about = |error| Failure::asked(format!("{}: {error}", path.display()));
    let file = fs::metadata(path).map_err(about)?;
    let modified = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((file.len(), modified.map_or(0, |time| time.as_nanos() as u64)))
}

/// A picture file or a shard, and the pictures of it in the order of the vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Source {
    bytes: u64,
    modified: u64,
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<(String, String)>,
}

/// The list in the file.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    probe: Vec<f32>,
    sources: BTreeMap<String, Source>,
}

/// Sources with their vectors.
#[derive(Debug, Default)]
pub(crate) struct Index {
    sources: BTreeMap<String, (Source, Vec<f32>)>,
    width: usize,
}

impl Index {
    /// The index of these pictures: what of the file is still true, the rest embedded and put into the file. Also says how many
    /// pictures that were.
    pub(crate) fn of(
        model: &Model,
        pictures: &Pictures,
        place: &Place,
        args: &BatchArgs,
        screen: Screen,
    ) -> Result<(Self, usize), Failure> {
        let mut earlier = Self::read(place)?;
        let source_of = sources(pictures);
        let (mut index, mut missing) = (Index { width: earlier.width, ..Index::default() }, Vec::new());
        for path in &source_of {
            let (bytes, modified) = stamp(Path::new(path))?;
            match earlier
                .sources
                .remove(path)
                .filter(|(source, _)| (source.bytes, source.modified) == (bytes, modified))
            {
                Some(known) => drop(index.sources.insert(path.clone(), known)),
                None => {
                    let source = Source { bytes, modified, names: Vec::new(), damaged: Vec::new() };
                    index.sources.insert(path.clone(), (source, Vec::new()));
                    missing.push(path.clone());
                }
            }
        }
        if missing.is_empty() && earlier.sources.is_empty() {
            return Ok((index, 0));
        }
        let part = place.path.with_added_extension("part");
        // Before hours of work: can it be written at all?
        File::create(&part)
            .map_err(|error| Failure::asked(format!("{}: {error}; --index FILE says another", part.display())))?;
        let filled = if missing.is_empty() { Ok(0) } else { index.embed(model, &missing, args, screen) };
        let written = filled.as_ref().map_or(Ok(()), |_| index.write(place, &part));
        if written.is_err() || filled.is_err() {
            let _ = fs::remove_file(&part);
        }
        written?;
        let embedded = filled?;
        match index.sources.len() < source_of.len() {
            true => Err(Failure::failed(format!("stopped; what is embedded is kept in {}", place.path.display()))),
            false => Ok((index, embedded)),
        }
    }

    /// Embeds the pictures of these sources. When it is stopped, sources that are not whole are dropped.
    fn embed(&mut self, model: &Model, missing: &[String], args: &BatchArgs, screen: Screen) -> Result<usize, Failure> {
        let pictures = Pictures::find(missing).asked()?;
        let (mut embedded, mut current) = (0, String::new());
        let mut reached = BTreeSet::new();
        let whole = batches::each(model, &pictures, args, screen, |batch| {
            let unit = batch.unit().failed()?;
            self.width = unit.as_ref().map_or(self.width, Embeddings::width);
            let rows =
                unit.iter().flat_map(|unit| unit.rows().outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>());
            for (name, row) in batch.names.into_iter().zip(rows) {
                current = source(&name, &current);
                reached.insert(current.clone());
                if let Some((source, vectors)) = self.sources.get_mut(&current) {
                    source.names.push(name);
                    vectors.extend(row);
                    embedded += 1;
                }
            }
            for (name, why) in batch.damaged {
                let path = source(&name, &current);
                reached.insert(path.clone());
                if let Some((source, _)) = self.sources.get_mut(&path) {
                    source.damaged.push((name, why));
                }
            }
            Ok(())
        })?;
        if !whole {
            // The last one may lack pictures.
            self.sources.retain(|path, _| !missing.contains(path) || (reached.contains(path) && *path != current));
        }
        Ok(embedded)
    }

    /// What the file holds; nothing where there is none, or where it is of another model or version. A file that is no index is not
    /// overwritten.
    fn read(place: &Place) -> Result<Self, Failure> {
        let path = &place.path;
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Index::default()),
            Err(error) => return Err(Failure::asked(format!("{}: {error}", path.display()))),
        }
        let no_index =
            || Failure::asked(format!("{} is there and no index of pictures: choose another --index", path.display()));
        let tensors = StateDict::read_safetensors(path, &ReadLimits::default()).map_err(|_| no_index())?;
        let (Some(vectors), Some(list)) = (tensors.get(VECTORS), tensors.get(LIST)) else { return Err(no_index()) };
        let list: List = serde_json::from_slice(list.bytes()).map_err(|_| no_index())?;
        if list.version != VERSION || !place.is_of(&list.probe) {
            return Ok(Index::default());
        }
        let (&[rows, width], Some(values)) = (vectors.shape(), vectors.to_f32()) else { return Err(no_index()) };
        if rows != list.sources.values().map(|source| source.names.len()).sum::<usize>() {
            return Err(no_index());
        }
        let mut rest = &values[..];
        let mut sources = BTreeMap::new();
        for (path, source) in list.sources {
            let (own, others) = rest.split_at(source.names.len() * width);
            rest = others;
            sources.insert(path, (source, own.to_vec()));
        }
        Ok(Index { sources, width })
    }

    fn write(&self, place: &Place, part: &Path) -> Result<(), Failure> {
        let sources = self.sources.iter().map(|(path, (source, _))| (path.clone(), source.clone())).collect();
        let list = List { version: VERSION, probe: place.probe.clone(), sources };
        let list = serde_json::to_vec(&list).failed()?;
        let values: Vec<f32> = self.sources.values().flat_map(|(_, vectors)| vectors.iter().copied()).collect();
        let mut tensors = StateDict::new();
        tensors.insert(VECTORS, HostTensor::from_f32([values.len() / self.width.max(1), self.width], &values));
        tensors.insert(LIST, HostTensor::new(DType::U8, [list.len()], list));
        tensors.write_safetensors(part).failed()?;
        fs::rename(part, &place.path).map_err(|error| Failure::failed(format!("{}: {error}", place.path.display())))
    }

    /// Names of the pictures in the order of their vectors.
    pub(crate) fn names(&self) -> Vec<String> {
        self.sources.values().flat_map(|(source, _)| source.names.iter().cloned()).collect()
    }

    pub(crate) fn vectors(&self) -> Result<Embeddings, Failure> {
        let values: Vec<f32> = self.sources.values().flat_map(|(_, vectors)| vectors.iter().copied()).collect();
        if values.is_empty() {
            let first = self.damaged().into_iter().next();
            let first =
                first.map_or(String::new(), |Damaged { picture, why }| format!("; the first is {picture}: {why}"));
            return Err(Failure::failed(format!("none of the pictures could be read{first}")));
        }
        Embeddings::new(Array2::from_shape_vec((values.len() / self.width, self.width), values).failed()?).failed()
    }

    pub(crate) fn damaged(&self) -> Vec<Damaged> {
        let damaged = self.sources.values().flat_map(|(source, _)| source.damaged.iter().cloned());
        damaged.map(|(picture, why)| Damaged { picture, why }).collect()
    }
}

/// Every file that pictures lie in.
fn sources(pictures: &Pictures) -> BTreeSet<String> {
    let (mut found, mut current) = (BTreeSet::new(), String::new());
    for index in 0..pictures.len() {
        current = source(&pictures.name(index), &current);
        found.insert(current.clone());
    }
    found
}

/// The file that a picture lies in: its own, or the shard before the colon; `last` is that of the picture before it.
fn source(name: &str, last: &str) -> String {
    if !last.is_empty() && name.strip_prefix(last).is_some_and(|rest| rest.starts_with(':')) {
        return last.to_owned();
    }
    let shard = |at: &(usize, &str)| Path::new(&name[..at.0]).is_file();
    if Path::new(name).is_file() {
        return name.to_owned();
    }
    name.match_indices(':').find(shard).map_or(name, |(at, _)| &name[..at]).to_owned()
}
