use std::path::Path;

use serde::{Deserialize, Serialize};

use super::class_labels::{ClassLabels, are_splits};
use super::field_names::CaptionFields;
use super::files::read_file;
use super::folder_walk::{Beside, Walk};
use super::{Row, Table, splits};
use crate::formats::ENDINGS;
use crate::{Damage, DataError, Limits, Metadata, SourceOptions};

/// Where the captions of a folder of pictures are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderCaptions {
    /// Beside the pictures if at least half of them, or any that lies in no class folder, has a `.txt` or `.json` file of its name;
    /// otherwise the class folders' names, unless a list of captions lies there: that is an error which names it.
    #[default]
    Auto,
    /// `X.txt`, or the field `caption` of `X.json`, beside the picture `X.jpg`.
    Beside,
    /// The name of the picture's folder, with spaces for underscores and hyphens, or its name in `classnames.txt` beside the folders, or
    /// of ImageNet's class where it is a WordNet id. A folder that is in every class (`n01443537/images`) does not count. The
    /// metadata field `label` has the folder's name, `class` its number in the order of the names, `split` the folder above if that
    /// is named like one (`train`, `val`, `test`).
    Classes,
}

impl Table {
    /// Lists the pictures (`.jpg`, `.png`, `.jpeg`, `.webp`, and those of the image features) below a folder, in the order of their
    /// paths. Links to folders are followed, but for those that lead back to a folder that holds them. Whatever else lies there is
    /// counted by its ending in [`Source::left_out`](crate::Source::left_out).
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
        let mut walk = Walk::through(root)?;
        if walk.pictures.is_empty() {
            let endings = ENDINGS.join(", .");
            let left_out = walk.left_out.to_string().replace('\n', "; ");
            let reason = format!("no .{endings} file in this folder or below it. Left out: {left_out}");
            return Err(DataError::Table { path: root.to_owned(), reason });
        }
        let (pairs, all) = (walk.pairs(), walk.pictures.len());
        let (labels, aside) = ClassLabels::of(root, &walk.pictures, options)?;
        let is_flat = walk.pictures.iter().all(|path| labels.label(path).is_none());
        let beside = match captions {
            FolderCaptions::Auto => pairs > 0 && (2 * pairs >= all || is_flat),
            FolderCaptions::Beside => true,
            FolderCaptions::Classes => false,
        };
        if captions == FolderCaptions::Auto && !beside {
            let lists = Self::lists_in(root, options);
            if let Some(first) = lists.first() {
                let reason = format!(
                    "captions are listed in `{}`: open `{}`, or take the folders' names by `FolderCaptions::Classes` (\"classes\")",
                    lists.join("`, `"),
                    root.join(first).display()
                );
                return Err(DataError::Table { path: root.to_owned(), reason });
            }
        }
        walk.count_texts(!beside);
        let splits = are_splits(&walk.pictures);
        if splits {
            walk.pictures.sort_by_key(|path| splits::of_path(path).and_then(|split| splits::number(&split)));
        }
        let mut table = Table::new(root.display().to_string(), root, limits.clone());
        if captions == FolderCaptions::Auto && !beside && pairs > 0 {
            table.warn(format!(
                "{pairs} of {all} pictures have a .txt or .json beside them, yet the folders' names are taken; `FolderCaptions::Beside` \
                 (\"beside\") reads the files"
            ));
        }
        if let Some(aside) = aside.filter(|_| !beside) {
            table.warn(aside);
        }
        let fields = CaptionFields::of(options);
        for path in &walk.pictures {
            let found = match beside {
                true => captions_beside(root, &walk.beside(path), &fields, limits),
                false => labels.named(path),
            };
            match (found, path.to_str()) {
                (Ok((captions, mut metadata)), Some(name)) => {
                    if let Some(split) = splits::of_path(path).filter(|_| splits) {
                        metadata.insert("split", split);
                    }
                    table.push(Row { path: name.to_owned(), captions, metadata });
                }
                (Err(damage), _) => table.push_damage(&damage),
                (_, None) => table.push_damage(&Damage::Name(path.display().to_string())),
            }
        }
        table.leave_out(&walk.left_out);
        table.choose_split(options)?;
        let left_out = match walk.left_out.is_empty() {
            true => String::new(),
            false => format!(". Left out: {}", walk.left_out.to_string().replace('\n', "; ")),
        };
        table.finish().map_err(|error| match error {
            DataError::NothingKept { origin, read, kinds, first } => {
                let other = if beside {
                    "`FolderCaptions::Classes` (\"classes\") takes the folders' names for captions"
                } else {
                    "`FolderCaptions::Beside` (\"beside\") reads .txt and .json files beside the pictures"
                };
                DataError::NothingKept { origin, read, kinds, first: format!("{first}. {other}{left_out}") }
            }
            other => other,
        })
    }
}

fn captions_beside(
    root: &Path,
    beside: &Beside,
    fields: &CaptionFields,
    limits: &Limits,
) -> Result<(Vec<String>, Metadata), Damage> {
    let text = beside.text.as_ref().map(|file| read_file(&root.join(file), limits.caption_bytes)).transpose()?;
    let text = String::from_utf8(text.unwrap_or_default()).map_err(|_| Damage::Encoding)?;
    let json = beside.json.as_ref().map(|file| read_file(&root.join(file), limits.metadata_bytes));
    // Metadata that nobody needs destroys nothing.
    let metadata = match json {
        None => Metadata::default(),
        Some(json) if fields.are_needed(&text) => Metadata::parse(&json?)?,
        Some(Ok(json)) => Metadata::parse_or_note(&json),
        Some(Err(damage)) => Metadata::noted(&damage.to_string()),
    };
    Ok((fields.captions(&text, &metadata), metadata))
}
