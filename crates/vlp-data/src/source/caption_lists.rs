//! Lists of captions that lie in a folder of pictures.

use std::fs;
use std::path::{Path, PathBuf};

use super::Table;
use crate::{DataError, SourceOptions};

/// Longer files are not looked into: Karpathy's list of Flickr30k has 36 MB.
const MOST_BYTES: u64 = 64 << 20;
/// Where there are more files that may be lists, they are something else.
const MOST_FILES: usize = 32;
/// Beside the pictures' folders COCO has its lists in this one.
const FOLDER: &str = "annotations";

impl Table {
    /// The lists of captions in a folder, by their paths below it: files at its top, or in `annotations`, that open as tables.
    pub(super) fn lists_in(root: &Path, options: &SourceOptions) -> Vec<String> {
        let files = |folder: &Path| fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let files = [Path::new(""), Path::new(FOLDER)]
            .into_iter()
            .flat_map(|folder| files(folder).map(move |entry| (folder.join(entry.file_name()), entry)));
        let small =
            files.filter(|(_, entry)| entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= MOST_BYTES));
        let mut found: Vec<PathBuf> = small.map(|(path, _)| path).filter(|path| reader(path).is_some()).collect();
        found.sort();
        found.truncate(MOST_FILES);
        let options = SourceOptions { split: None, ..options.clone() };
        found.retain(|path| reader(path).is_some_and(|read| read(&root.join(path), &options).is_ok()));
        found.into_iter().map(|path| path.display().to_string()).collect()
    }
}

type Reader = fn(&Path, &SourceOptions) -> Result<Table, DataError>;

fn reader(path: &Path) -> Option<Reader> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "txt" | "token" => Some(Table::from_text),
        "json" => Some(Table::from_json_document),
        "jsonl" | "ndjson" => Some(|path, options| Table::read_json_lines(path, options)?.finish()),
        _ => None,
    }
}
