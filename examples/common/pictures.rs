//! Pictures from files, folders and tar shards, read and prepared by threads while the model works.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use vlp::augment::{Image, ImageTransform, SampleRng};
use vlp::data::{DataError, Dataset, Limits, decode};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// Prepared pictures that wait for the model, for each thread.
const WAITING: usize = 8;

/// A picture's name, and what the model reads or why it cannot.
pub(crate) type Prepared = (String, Result<Image, String>);

/// Where the pictures are.
pub(crate) struct Pictures {
    files: Vec<PathBuf>,
    shards: Option<Arc<Dataset>>,
}

impl Pictures {
    /// Files as they are given; of folders and theirs what ends in .png, .jpg, .jpeg, .webp or .tar, by name.
    pub(crate) fn find(paths: &[PathBuf]) -> Result<Self, Box<dyn Error>> {
        let mut found = Vec::new();
        for path in paths {
            let about = |error| format!("{}: {error}", path.display());
            if fs::metadata(path).map_err(about)?.is_dir() { walk(path, &mut found)? } else { found.push(path.clone()) }
        }
        let (shards, files): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| ending(path) == "tar");
        if files.is_empty() && shards.is_empty() {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(
                format!("no pictures in {} (.png, .jpg, .jpeg, .webp, or .tar of them)", paths.join(", ")).into()
            );
        }
        let shards = match shards.is_empty() {
            true => None,
            false => Some(Arc::new(Dataset::from_shards(shards, Limits::default())?)),
        };
        Ok(Pictures { files, shards })
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len() + self.shards.as_ref().map_or(0, |shards| shards.len())
    }

    /// All of them in order, files first. Memory for those that wait is bounded.
    pub(crate) fn prepare(
        self,
        transform: Arc<dyn ImageTransform>,
        threads: usize,
    ) -> Result<impl Iterator<Item = Prepared>, DataError> {
        let files = prepared(self.files, Arc::clone(&transform), threads.max(1));
        let samples = self.shards.map(|shards| shards.pass(transform, threads)).transpose()?;
        let samples = samples.into_iter().flatten().enumerate().map(|(index, sample)| match sample {
            Ok(sample) => (sample.annotation.key, Ok(sample.image)),
            Err(damage) => (format!("sample {index} of the shards"), Err(damage.to_string())),
        });
        Ok(files.chain(samples))
    }
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let about = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(about)?.collect::<Result<Vec<_>, _>>().map_err(about)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
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

/// Each thread takes every n-th file and has a queue of its own, so that the order is that of the files.
fn prepared(files: Vec<PathBuf>, transform: Arc<dyn ImageTransform>, threads: usize) -> impl Iterator<Item = Prepared> {
    let files = Arc::new(files);
    let queue = |number: usize| -> Receiver<Prepared> {
        let (sender, receiver) = sync_channel(WAITING);
        let (files, transform) = (Arc::clone(&files), Arc::clone(&transform));
        thread::spawn(move || {
            let mut mine = files.iter().skip(number).step_by(threads);
            mine.try_for_each(|path| sender.send((path.display().to_string(), read(path, transform.as_ref()))))
        });
        receiver
    };
    let queues: Vec<_> = (0..threads.min(files.len())).map(queue).collect();
    (0..files.len()).map(move |at| {
        let gone = |_| (files[at].display().to_string(), Err("the thread that read it ended".to_string()));
        queues[at % threads].recv().unwrap_or_else(gone)
    })
}

fn read(path: &Path, transform: &dyn ImageTransform) -> Result<Image, String> {
    let (limits, mut bytes) = (Limits::default(), Vec::new());
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(limits.entry_bytes + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limits.entry_bytes {
        return Err(format!("it is larger than {} bytes", limits.entry_bytes));
    }
    let image = decode(&bytes, &limits).map_err(|damage| damage.to_string())?;
    Ok(transform.apply(image, &mut SampleRng::new(0, 0, 0, 0)))
}
