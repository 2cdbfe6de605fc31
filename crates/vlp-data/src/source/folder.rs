use std::collections::BTreeSet;
use std::path::Path;

use super::files::read_file;
use super::folder_walk::{Beside, Walk};
use super::{Row, Table};
use crate::formats::ENDINGS;
use crate::{Damage, DataError, Limits, Metadata};

/// Where the captions of a folder of pictures are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FolderCaptions {
    /// Beside the pictures if at least half of them, or any that lies in no class folder, has a `.txt` or `.json` file of its name;
    /// otherwise the class folders' names.
    #[default]
    Auto,
    /// `X.txt`, or the field `caption` of `X.json`, beside the picture `X.jpg`.
    Beside,
    /// The name of the first folder below the root, with spaces for underscores and hyphens. The metadata field `label` has the
    /// folder's name, `class` its number in the order of the names.
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
        let root = root.as_ref();
        let mut walk = Walk::through(root)?;
        if walk.pictures.is_empty() {
            let endings = ENDINGS.join(", .");
            let left_out = walk.left_out.to_string().replace('\n', "; ");
            let reason = format!("no .{endings} file in this folder or below it. Left out: {left_out}");
            return Err(DataError::Table { path: root.to_owned(), reason });
        }
        let (pairs, all) = (walk.pairs(), walk.pictures.len());
        let is_flat = walk.pictures.iter().all(|path| class(path).is_none());
        let beside = match captions {
            FolderCaptions::Auto => pairs > 0 && (2 * pairs >= all || is_flat),
            FolderCaptions::Beside => true,
            FolderCaptions::Classes => false,
        };
        walk.count_texts(!beside);
        let mut table = Table::new(root.display().to_string(), root, limits.clone());
        if captions == FolderCaptions::Auto && !beside && pairs > 0 {
            table.warn(format!(
                "{pairs} of {all} pictures have a .txt or .json beside them, yet the folders' names are taken; `FolderCaptions::Beside` \
                 (\"beside\") reads the files"
            ));
        }
        let classes: BTreeSet<String> = walk.pictures.iter().filter_map(|path| class(path)).collect();
        let classes: Vec<String> = classes.into_iter().collect();
        for path in &walk.pictures {
            let found = if beside { captions_beside(root, &walk.beside(path), &limits) } else { named(path, &classes) };
            match (found, path.to_str()) {
                (Ok((captions, metadata)), Some(path)) => table.push(Row { path: path.to_owned(), captions, metadata }),
                (Err(damage), _) => table.push_damage(&damage),
                (_, None) => table.push_damage(&Damage::Name(path.display().to_string())),
            }
        }
        table.leave_out(&walk.left_out);
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

fn class(path: &Path) -> Option<String> {
    let mut parts = path.components();
    let first = parts.next()?;
    parts.next()?;
    Some(first.as_os_str().to_string_lossy().into_owned())
}

fn named(path: &Path, classes: &[String]) -> Result<(Vec<String>, Metadata), Damage> {
    let name = class(path).ok_or(Damage::NoCaption)?;
    let mut metadata = Metadata::default();
    metadata.insert("class", classes.binary_search(&name).unwrap_or_default());
    metadata.insert("label", name.clone());
    Ok((vec![name.replace(['_', '-'], " ")], metadata))
}

fn captions_beside(root: &Path, beside: &Beside, limits: &Limits) -> Result<(Vec<String>, Metadata), Damage> {
    let text = beside.text.as_ref().map(|file| read_file(&root.join(file), limits.caption_bytes)).transpose()?;
    let text = String::from_utf8(text.unwrap_or_default()).map_err(|_| Damage::Encoding)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let json = beside.json.as_ref().map(|file| read_file(&root.join(file), limits.metadata_bytes));
    // Metadata that nobody needs destroys nothing.
    let metadata = match json {
        None => Metadata::default(),
        Some(json) if text.is_empty() => Metadata::parse(&json?)?,
        Some(Ok(json)) => Metadata::parse_or_note(&json),
        Some(Err(damage)) => Metadata::noted(&damage.to_string()),
    };
    let caption = if text.is_empty() { metadata.text("caption").unwrap_or_default() } else { text };
    Ok((vec![caption.to_owned()], metadata))
}
