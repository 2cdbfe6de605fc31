use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::class_labels::{ClassLabels, are_splits};
use super::field_names::CaptionFields;
use super::files::read_file;
use super::{Row, Table, splits};
use crate::{Damage, DataError, Limits, Metadata, SourceOptions};

/// Where the captions of a folder of pictures are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderCaptions {
    /// Beside the pictures if there is any `.txt` or `.json` file, otherwise the class folders' names.
    #[default]
    Auto,
    /// `X.txt`, or the field `caption` of `X.json`, beside the picture `X.jpg`.
    Beside,
    /// The name of the picture's folder, with spaces for underscores and hyphens, or its name in `classnames.txt` beside the folders, or
    /// of ImageNet's class if all folders are WordNet ids. A folder that is in every class (`n01443537/images`) does not count. The
    /// metadata field `label` has the folder's name, `class` its number in the order of the names, `split` the folder above if that
    /// is named like one (`train`, `val`, `test`).
    Classes,
}

/// Deeper folders are left out: nobody has them, and a loop of mounts would never end.
const MOST_LEVELS: usize = 32;

impl Table {
    /// Lists the pictures (`.png`, `.jpg`, `.jpeg`, `.webp`) below a folder, in the order of their paths. Hidden files and
    /// linked folders are left out.
    ///
    /// # Errors
    /// When the folder cannot be read or no picture can be used.
    pub fn from_folder(root: impl AsRef<Path>, captions: FolderCaptions, limits: Limits) -> Result<Self, DataError> {
        let options = SourceOptions { folder: captions, ..SourceOptions::with_limits(limits) };
        Self::from_folder_with(root.as_ref(), &options)
    }

    /// As [`Table::from_folder`], with a say in the split and in the names of classes.
    pub(crate) fn from_folder_with(root: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        let (captions, limits) = (options.folder, &options.limits);
        let (mut pictures, mut texts) = (Vec::new(), 0);
        let mut folders = vec![(PathBuf::new(), 0)];
        while let Some((folder, level)) = folders.pop() {
            let path = root.join(&folder);
            let read_error = |source| DataError::Read { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(read_error)? {
                let entry = entry.map_err(read_error)?;
                let name = entry.file_name();
                if name.to_string_lossy().starts_with('.') {
                    continue;
                }
                let relative = folder.join(&name);
                // Of the link itself, not of what it points to.
                let kind = entry.file_type().map_err(read_error)?;
                if kind.is_dir() {
                    if level < MOST_LEVELS {
                        folders.push((relative, level + 1));
                    }
                    continue;
                }
                let extension = relative.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
                match extension.as_str() {
                    "png" | "jpg" | "jpeg" | "webp" => pictures.push(relative),
                    "txt" | "json" => texts += 1,
                    _ => {}
                }
            }
        }
        if pictures.is_empty() {
            let reason = "no .png, .jpg, .jpeg or .webp file in this folder or below it".to_owned();
            return Err(DataError::Table { path: root.to_owned(), reason });
        }
        pictures.sort();
        let beside = match captions {
            FolderCaptions::Auto => texts > 0,
            FolderCaptions::Beside => true,
            FolderCaptions::Classes => false,
        };
        let mut table = Table::new(root.display().to_string(), root, limits.clone());
        let (labels, aside) = ClassLabels::of(root, &pictures, options)?;
        if let Some(aside) = aside.filter(|_| !beside) {
            table.warn(aside);
        }
        let fields = CaptionFields::of(options);
        let splits = are_splits(&pictures);
        if splits {
            pictures.sort_by_key(|path| splits::of_path(path).and_then(|split| splits::number(&split)));
        }
        for path in pictures {
            let found = if beside { captions_beside(root, &path, &fields, limits) } else { labels.named(&path) };
            match (found, path.to_str()) {
                (Ok((captions, mut metadata)), Some(name)) => {
                    if let Some(split) = splits::of_path(&path).filter(|_| splits) {
                        metadata.insert("split", split);
                    }
                    table.push(Row { path: name.to_owned(), captions, metadata });
                }
                (Err(damage), _) => table.push_damage(&damage),
                (_, None) => table.push_damage(&Damage::Name(path.display().to_string())),
            }
        }
        table.choose_split(options)?;
        table.finish()
    }
}

fn captions_beside(
    root: &Path,
    path: &Path,
    fields: &CaptionFields,
    limits: &Limits,
) -> Result<(Vec<String>, Metadata), Damage> {
    let beside = |extension, limit| {
        let file = root.join(path).with_extension(extension);
        file.exists().then(|| read_file(&file, limit)).transpose()
    };
    let metadata = beside("json", limits.metadata_bytes)?;
    let metadata = metadata.map(|bytes| Metadata::parse(&bytes)).transpose()?.unwrap_or_default();
    let text = beside("txt", limits.caption_bytes)?.unwrap_or_default();
    let text = String::from_utf8(text).map_err(|_| Damage::Encoding)?;
    Ok((fields.captions(&text, &metadata), metadata))
}
