use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vlp_augment::{Image, ImageTransform, SampleRng};
use vlp_data::{Alpha, Damage, DataError, Dataset, Limits, decode_with};

use super::{PreparedPictures, PretrainedError};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// Pictures in files, folders and tar shards, in a fixed order: files as they were given, those of a folder by name, then
/// the shards'. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pictures {
    files: Arc<Vec<PathBuf>>,
    shards: Option<Arc<Dataset>>,
    /// What becomes of transparent parts; as the model has it where nothing is given.
    alpha: Option<Alpha>,
}

impl Pictures {
    /// Files as they are given; of folders and theirs what ends in .png, .jpg, .jpeg, .webp or .tar, by name.
    ///
    /// # Errors
    /// When a path does not exist, a folder or shard cannot be read, or there is no picture.
    pub fn find(paths: &[impl AsRef<Path>]) -> Result<Self, PretrainedError> {
        let mut found = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let metadata = fs::metadata(path).map_err(PretrainedError::place("read", path))?;
            if metadata.is_dir() { walk(path, &mut found)? } else { found.push(path.to_path_buf()) }
        }
        let (shards, files): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| ending(path) == "tar");
        if files.is_empty() && shards.is_empty() {
            let paths: Vec<_> = paths.iter().map(|path| path.as_ref().display().to_string()).collect();
            return Err(PretrainedError::NoPictures { paths: paths.join(", ") });
        }
        let shards = match shards.is_empty() {
            true => None,
            false => Some(Arc::new(Dataset::from_shards(shards, Limits::default())?)),
        };
        Ok(Pictures { files: Arc::new(files), shards, alpha: None })
    }

    /// These files and nothing else.
    pub(super) fn files(paths: &[impl AsRef<Path>]) -> Self {
        let files = paths.iter().map(|path| path.as_ref().to_path_buf()).collect();
        Pictures { files: Arc::new(files), shards: None, alpha: None }
    }

    /// The same with transparent parts treated in this way, whatever the model's is ([`Model::with_alpha`](super::Model::with_alpha)).
    #[must_use]
    pub fn with_alpha(self, alpha: Alpha) -> Self {
        Pictures { alpha: Some(alpha), ..self }
    }

    /// The same, with this treatment where none was chosen.
    pub(super) fn or_alpha(&self, alpha: Alpha) -> Self {
        Pictures { alpha: self.alpha.or(Some(alpha)), ..self.clone() }
    }

    /// How many there are, readable or not.
    pub fn len(&self) -> usize {
        self.files.len() + self.shards.as_ref().map_or(0, |shards| shards.len())
    }

    /// Whether there is none, which [`find`](Self::find) refuses.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The path of a file; shard and key of a sample.
    ///
    /// # Panics
    /// When there are not as many pictures.
    pub fn name(&self, index: usize) -> String {
        match (self.files.get(index), &self.shards) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(shards)) => shards.name(index - self.files.len()),
            (None, None) => panic!("picture {index} of {}", self.files.len()),
        }
    }

    /// The pictures from number `first` on, in order, decoded and changed by `transform` on `threads` threads of which
    /// none is more than `ahead` pictures in front of whoever takes them; more than [`MOST_WORKERS`](vlp_data::MOST_WORKERS) are as many. A transform that draws
    /// gets the stream of seed 0.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn prepare(
        &self,
        transform: Arc<dyn ImageTransform>,
        threads: usize,
        ahead: usize,
        first: usize,
    ) -> Result<PreparedPictures, PretrainedError> {
        Ok(PreparedPictures::start(self.clone(), transform, threads, ahead, first)?)
    }

    /// Decodes one picture, or says what is wrong with it; an error where its storage does not give it, which is no damage.
    pub(super) fn read(
        &self,
        index: usize,
        transform: &dyn ImageTransform,
    ) -> Result<Result<Image, String>, DataError> {
        let alpha = self.alpha.unwrap_or_default();
        let image = match (self.files.get(index), &self.shards) {
            (Some(path), _) => read_file(path, alpha),
            (None, Some(shards)) => {
                let picture = shards.picture(index - self.files.len());
                match picture.and_then(|picture| picture.decode_with(alpha, &Limits::default())) {
                    Err(Damage::Unreachable(unreachable)) => return Err(DataError::Unreachable(unreachable)),
                    decoded => decoded.map_err(|damage| damage.to_string()),
                }
            }
            (None, None) => Err("there is no such picture".to_string()),
        };
        Ok(image.map(|image| transform.apply(image, &mut SampleRng::new(0, 0, index as u64, 0))))
    }
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), PretrainedError> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    let mut paths = list().map_err(PretrainedError::place("list", folder))?;
    paths.sort();
    for path in paths {
        // A link to a folder is not followed: it could lead back here.
        if path.is_dir() && !path.is_symlink() {
            walk(&path, found)?;
        } else if path.is_file() && (ENDINGS.contains(&ending(&path).as_str()) || ending(&path) == "tar") {
            found.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path, alpha: Alpha) -> Result<Image, String> {
    let (limits, mut bytes) = (Limits::default(), Vec::new());
    let file = vlp_augment::open_regular(path).map_err(|error| error.to_string())?;
    file.take(limits.entry_bytes + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limits.entry_bytes {
        return Err(format!("it is larger than {} bytes", limits.entry_bytes));
    }
    decode_with(&bytes, alpha, &limits).map_err(|damage| damage.to_string())
}
