//! Folders of pictures with their captions in `metadata.csv`, `.jsonl` or `.parquet`, as the `datasets` library's `imagefolder` has them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Table, splits};
use crate::{DataError, SourceOptions};

/// The files that hold metadata; the first of a folder is taken.
const NAMES: [&str; 3] = ["metadata.jsonl", "metadata.csv", "metadata.parquet"];

/// Deeper folders are not looked into for pictures without metadata.
const MOST_LEVELS: usize = 8;

/// The metadata files below a folder, relative to it, in the order in which splits are read.
pub(crate) fn metadata_files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut look = |folder: &Path| {
        found.extend(NAMES.iter().map(|name| folder.join(name)).find(|name| root.join(name).is_file()));
    };
    look(Path::new(""));
    for folder in folders_of(root) {
        look(&folder);
        // `data/train` and `train/train`, but no further: class folders are many.
        if folder == Path::new("data") || splits::number(&folder.to_string_lossy()).is_some() {
            folders_of(&root.join(&folder)).iter().for_each(|inner| look(&folder.join(inner)));
        }
    }
    found.sort_by_key(|path| {
        let split = path.components().filter_map(|part| splits::number(&part.as_os_str().to_string_lossy())).next();
        (split.unwrap_or(usize::MAX), path.clone())
    });
    found
}

fn folders_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.path().is_dir()).map(|entry| PathBuf::from(entry.file_name()));
    let mut names: Vec<PathBuf> = names.filter(|name| !name.to_string_lossy().starts_with('.')).collect();
    names.sort();
    names
}

impl Table {
    /// Reads these metadata files, which lie below `root`; `file_name` (or another usual name) is relative to each.
    pub(crate) fn from_metadata(root: &Path, files: &[PathBuf], options: &SourceOptions) -> Result<Self, DataError> {
        let mut table = Table::new(root.display().to_string(), root, options.limits.clone());
        for file in files {
            let inner = SourceOptions { split: None, root: None, join_rows: false, ..options.clone() };
            let mut part = read(&root.join(file), &inner)?;
            let folder = file.parent().unwrap_or(Path::new(""));
            for row in &mut part.rows {
                row.path = folder.join(&row.path).to_string_lossy().into_owned();
                if row.metadata.get("split").is_none()
                    && let Some(split) = splits::of_path(Path::new(&row.path))
                {
                    row.metadata.insert("split", split);
                }
            }
            table.append(part);
        }
        table.leave_out_unnamed(root);
        table.choose_split(options)?;
        if options.join_rows {
            table.join_rows();
        }
        table.finish()
    }

    /// Adds the rows of another table, and what is wrong with it.
    fn append(&mut self, mut other: Self) {
        self.rows.append(&mut other.rows);
        self.tally.merge(&other.tally);
        self.left_out.merge(&other.left_out);
        self.warnings.append(&mut other.warnings);
        self.seen += other.seen;
        if let Some((image, caption)) = other.columns {
            self.name_columns(&image, &caption);
        }
    }

    /// Keeps the split that is asked for; says so where several are read together.
    pub(super) fn choose_split(&mut self, options: &SourceOptions) -> Result<(), DataError> {
        if let Some(split) = &options.split {
            return self.keep_split(split);
        }
        let splits: BTreeSet<&str> = self.rows.iter().filter_map(|row| row.metadata.text("split")).collect();
        if splits.len() > 1 {
            let splits: Vec<&str> = splits.into_iter().take(10).collect();
            self.warn(format!("the splits {} are read together; `split` names one", splits.join(", ")));
        }
        Ok(())
    }

    /// Counts pictures below the root that no row names.
    fn leave_out_unnamed(&mut self, root: &Path) {
        let named: BTreeSet<PathBuf> = self.rows.iter().map(|row| plain(Path::new(&row.path))).collect();
        let mut folders = vec![(PathBuf::new(), 0)];
        let mut unnamed = Vec::new();
        while let Some((folder, level)) = folders.pop() {
            for entry in fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
                let path = folder.join(entry.file_name());
                let kind = entry.file_type();
                if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                    if level < MOST_LEVELS {
                        folders.push((path, level + 1));
                    }
                } else if is_picture(&path) && !named.contains(&path) {
                    unnamed.push(path);
                }
            }
        }
        unnamed.sort();
        for path in unnamed {
            self.left_out.add("pictures that no metadata file names", || path.display().to_string());
        }
    }
}

/// Without `.` in it.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != std::path::Component::CurDir).collect()
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"].contains(&ending.as_str())
}

fn read(path: &Path, options: &SourceOptions) -> Result<Table, DataError> {
    match path.extension().unwrap_or_default().to_string_lossy().as_ref() {
        "jsonl" => Table::read_json_lines(path, options),
        "csv" => Table::read_text(path, options),
        _ => parquet(path, options),
    }
}

#[cfg(feature = "parquet")]
fn parquet(path: &Path, options: &SourceOptions) -> Result<Table, DataError> {
    super::ParquetTable::read_paths(path, options)
}

#[cfg(not(feature = "parquet"))]
fn parquet(path: &Path, _: &SourceOptions) -> Result<Table, DataError> {
    let pattern = path.display().to_string();
    Err(DataError::Pattern { pattern, reason: "built without the feature `parquet`".to_owned() })
}
