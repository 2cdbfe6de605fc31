//! The files below a folder: pictures, the texts beside them, and what is neither.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::unread;
use crate::formats::rank;
use crate::{DataError, LeftOut};

/// Deeper folders are left out: nobody has them, and a loop of mounts would never end.
const MOST_LEVELS: usize = 32;
/// A folder that more links than this lead to is a maze.
const MOST_VISITS: usize = 16;

/// The files that may hold the caption of a picture.
#[derive(Debug, Default, Clone)]
pub(super) struct Beside {
    pub(super) text: Option<PathBuf>,
    pub(super) json: Option<PathBuf>,
}

/// What lies below a folder, as paths from there.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Pictures in the order of their paths.
    pub(super) pictures: Vec<PathBuf>,
    /// `.txt` and `.json` files by path without ending.
    texts: BTreeMap<PathBuf, Beside>,
    pub(super) left_out: LeftOut,
}

/// A folder to look into.
struct Folder {
    relative: PathBuf,
    /// Where it really is, and all those it was reached through.
    chain: Vec<PathBuf>,
}

impl Walk {
    /// Looks through a folder and those below it. Links to folders are followed, wherever they lead, but not to a folder that holds the
    /// link itself. Hidden files and folders are left out.
    pub(super) fn through(root: &Path) -> Result<Self, DataError> {
        let mut walk = Self::default();
        let here = fs::canonicalize(root).map_err(|source| DataError::Read { path: root.to_owned(), source })?;
        let mut visits = HashMap::<PathBuf, usize>::new();
        let mut folders = vec![Folder { relative: PathBuf::new(), chain: vec![here] }];
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder.relative);
            let read_error = |source| DataError::Read { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(read_error)? {
                let entry = entry.map_err(read_error)?;
                let name = entry.file_name();
                let relative = folder.relative.join(&name);
                let told = relative.to_string_lossy();
                if name.to_string_lossy().starts_with('.') {
                    unread::count_file(&mut walk.left_out, &told);
                    continue;
                }
                // Of the link itself, not of what it points to.
                let kind = entry.file_type().map_err(read_error)?;
                let target =
                    if kind.is_symlink() { fs::canonicalize(entry.path()) } else { Ok(folder.here().join(&name)) };
                let Ok(target) = target else {
                    unread::count(&mut walk.left_out, "links that lead nowhere", &told);
                    continue;
                };
                if !(kind.is_dir() || kind.is_symlink() && target.is_dir()) {
                    walk.add_file(relative);
                    continue;
                }
                let visits = visits.entry(target.clone()).or_default();
                *visits += 1;
                if folder.chain.iter().any(|outer| outer.starts_with(&target)) {
                    unread::count(&mut walk.left_out, "links to a folder that holds them", &told);
                } else if folder.chain.len() > MOST_LEVELS || *visits > MOST_VISITS {
                    unread::count(&mut walk.left_out, "folders too deep, or with too many links to them", &told);
                } else {
                    let chain = folder.chain.iter().cloned().chain([target]).collect();
                    folders.push(Folder { relative, chain });
                }
            }
        }
        walk.pictures.sort();
        Ok(walk)
    }

    fn add_file(&mut self, relative: PathBuf) {
        let ending = relative.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let stem = relative.with_extension("");
        match ending.as_str() {
            "txt" => self.texts.entry(stem).or_default().text = Some(relative),
            "json" => self.texts.entry(stem).or_default().json = Some(relative),
            _ if rank(&ending).is_some() => self.pictures.push(relative),
            _ => unread::count_file(&mut self.left_out, &relative.to_string_lossy()),
        }
    }

    /// The texts beside a picture.
    pub(super) fn beside(&self, picture: &Path) -> Beside {
        self.texts.get(&picture.with_extension("")).cloned().unwrap_or_default()
    }

    /// How many pictures have a text beside them.
    pub(super) fn pairs(&self) -> usize {
        self.pictures.iter().filter(|picture| self.texts.contains_key(&picture.with_extension(""))).count()
    }

    /// Counts the texts that belong to no picture, or all of them.
    pub(super) fn count_texts(&mut self, all: bool) {
        let pictures: std::collections::HashSet<PathBuf> =
            self.pictures.iter().map(|path| path.with_extension("")).collect();
        for (stem, beside) in &self.texts {
            if all || !pictures.contains(stem) {
                for path in [&beside.text, &beside.json].into_iter().flatten() {
                    unread::count_file(&mut self.left_out, &path.to_string_lossy());
                }
            }
        }
    }
}

impl Folder {
    fn here(&self) -> &Path {
        self.chain.last().map_or(Path::new(OsStr::new("")), PathBuf::as_path)
    }
}
