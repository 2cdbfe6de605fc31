//! CLIP_benchmark's exports: tar shards `0.tar`, `1.tar`, ... in a folder for each split, with their number in `nshards.txt`, and beside
//! these folders `dataset_type.txt` (`retrieval`, or else classification) and `classnames.txt`.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::read_file;
use super::splits;
use crate::DataError;
use crate::class_names::numbered;

/// What the texts of an export are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Export {
    /// `.txt`: a caption a line.
    Retrieval,
    /// `.cls`: the number of a class, which has this name.
    Classes(Vec<String>),
}

/// The file that says how many shards a split has, which no other layout has.
const SHARDS: &str = "nshards.txt";
const TYPE: &str = "dataset_type.txt";
const CLASSES: &str = "classnames.txt";

/// What the export is that this shard belongs to; none where it belongs to none, or is one without names of classes.
pub(super) fn export_of(shard: &Path) -> Result<Option<Export>, DataError> {
    let Some(folder) = shard.parent().filter(|folder| folder.join(SHARDS).is_file()) else { return Ok(None) };
    let beside = |name: &str| [folder.join("..").join(name), folder.join(name)].into_iter().find(|path| path.is_file());
    let kind = beside(TYPE).and_then(|path| word_in(&path).ok()).unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("retrieval") {
        return Ok(Some(Export::Retrieval));
    }
    beside(CLASSES).map(|path| Ok(Export::Classes(numbered(&path)?))).transpose()
}

/// The shards of an export below this folder, which is its root or one of its splits; none where it is no export.
pub(crate) fn shards_of_export(root: &Path, split: Option<&str>) -> Result<Option<Vec<PathBuf>>, DataError> {
    if root.join(SHARDS).is_file() {
        return numbered_shards(root).map(Some);
    }
    let entries = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join(SHARDS).is_file()).collect();
    if folders.is_empty() {
        return Ok(None);
    }
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folders.sort_by_key(|path| (splits::number(&name(path)).unwrap_or(usize::MAX), name(path)));
    if let Some(split) = split {
        let names: Vec<String> = folders.iter().map(name).collect();
        splits::check(split, names.iter().map(String::as_str), root)?;
        folders.retain(|path| splits::is(split, &name(path)));
    }
    let shards: Vec<Vec<PathBuf>> = folders.iter().map(|folder| numbered_shards(folder)).collect::<Result<_, _>>()?;
    Ok(Some(shards.concat()))
}

/// The word that a small file holds.
fn word_in(path: &Path) -> Result<String, DataError> {
    let bytes = read_file(path, 1024)
        .map_err(|damage| DataError::Table { path: path.to_owned(), reason: damage.to_string() })?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// As many as `nshards.txt` says: one that is missing is an error when it is opened.
fn numbered_shards(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    const MOST: usize = 10_000_000;
    let path = folder.join(SHARDS);
    let number = word_in(&path)?.parse().ok().filter(|number| (1..=MOST).contains(number));
    let number =
        number.ok_or_else(|| DataError::Table { path, reason: "it should hold the number of shards".to_owned() })?;
    Ok((0..number).map(|number| folder.join(format!("{number}.tar"))).collect())
}
