//! Captions in one JSON document: COCO's, Karpathy's, or a list of objects.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::files::read_file;
use super::json_lines::{Objects, without_mark};
use super::text_table::usual_folders;
use super::{Row, Table};
use crate::{Damage, DataError, Metadata, SourceOptions, python_json};

/// Longest document; Karpathy's of COCO has 144 MB. Its objects may take some thirty times that.
const MOST_BYTES: u64 = 1 << 30;

/// A document with `images`, and either `annotations` beside them or sentences in them.
#[derive(Deserialize)]
struct Document {
    images: Vec<Image>,
    annotations: Option<Vec<Annotation>>,
}

#[derive(Deserialize)]
struct Image {
    id: Option<Value>,
    file_name: Option<String>,
    filename: Option<String>,
    /// Folder, in Karpathy's of COCO.
    filepath: Option<String>,
    split: Option<String>,
    #[serde(default)]
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: Value,
    caption: Option<String>,
}

impl Table {
    /// Reads a JSON document: COCO's captions (`images` and `annotations`), Karpathy's (`images` with `sentences` and `split`), or a list
    /// of objects as JSON lines have them. A picture has all its captions. Pictures are looked for beside the document, in `images` and
    /// the like, and in the folder that COCO's names tell.
    pub(crate) fn from_json_document(path: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
        let bytes = read_file(path, MOST_BYTES).map_err(|damage| wrong(damage.to_string()))?;
        let text = without_mark(&bytes).trim_ascii();
        if text.starts_with(b"[") {
            let list: Vec<Map<String, Value>> =
                python_json::parse(text).map_err(|error| wrong(format!("no list of objects: {error}")))?;
            drop(bytes);
            let mut objects = Objects::new(path, options);
            list.into_iter().for_each(|fields| {
                let mut metadata = Metadata::default();
                *metadata.fields_mut() = fields;
                objects.push(metadata);
            });
            return objects.into_table()?.finish();
        }
        if is_lines(text) {
            return Self::read_json_lines(path, options)?.finish();
        }
        let document: Document = python_json::parse(text).map_err(|error| {
            wrong(format!(
                "none of COCO's captions (`images`, `annotations`), Karpathy's (`images` with `sentences`) and a list of objects: {error}"
            ))
        })?;
        drop(bytes);
        let root = options.root.clone().unwrap_or_else(|| Table::folder_of(path));
        let mut table = Table::new(path.display().to_string(), root, options.limits.clone());
        table.name_columns("image", "caption");
        let splits = document.images.iter().any(|image| image.split.is_some());
        push_all(&mut table, document, path)?;
        match &options.split {
            Some(split) if splits || !named_for(path, split) => table.keep_split(split)?,
            _ => {}
        }
        if options.root.is_none() {
            let folders = coco_folders(path).into_iter().chain(usual_folders(path));
            table.look_for_pictures(folders);
        }
        table.finish()
    }
}

/// Whether an object ends with its line and another one follows: JSON lines under the name of a document.
fn is_lines(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|&byte| byte == b'\n') else { return false };
    let (first, rest) = text.split_at(end);
    rest.trim_ascii().starts_with(b"{") && python_json::parse::<Map<String, Value>>(first.trim_ascii()).is_ok()
}

fn push_all(table: &mut Table, document: Document, path: &Path) -> Result<(), DataError> {
    let mut captions = HashMap::<String, Vec<String>>::new();
    let with_annotations = document.annotations.is_some();
    for Annotation { image_id, caption } in document.annotations.into_iter().flatten() {
        if let Some(caption) = caption {
            captions.entry(image_id.to_string()).or_default().push(caption);
        }
    }
    if with_annotations && captions.is_empty() {
        let reason =
            "no annotation has a `caption`: these are COCO's of another kind; captions are in `captions_*.json`"
                .to_owned();
        return Err(DataError::Table { path: path.to_owned(), reason });
    }
    for image in document.images {
        let mut own: Vec<String> = image.sentences.into_iter().map(|sentence| sentence.raw).collect();
        let id = image.id.map(|id| id.to_string()).unwrap_or_default();
        own.extend(captions.remove(&id).unwrap_or_default());
        let Some(name) = image.file_name.or(image.filename) else {
            table.push_damage(&Damage::NoImage);
            continue;
        };
        let path = match image.filepath {
            Some(folder) if !folder.is_empty() => format!("{folder}/{name}"),
            _ => name,
        };
        let mut metadata = Metadata::default();
        if let Some(split) = image.split {
            metadata.insert("split", split);
        }
        table.push(Row { path, captions: own, metadata });
    }
    // An annotation without its picture is a caption lost.
    for id in captions.keys() {
        table.push_damage(&Damage::Row(format!("captions of the picture {id}, which `images` does not list")));
    }
    Ok(())
}

/// `train2017` of `captions_train2017.json`.
fn coco_split(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_str()?.strip_prefix("captions_")?.to_owned())
}

/// Whether the document's name tells that it is of this split.
fn named_for(path: &Path, split: &str) -> bool {
    coco_split(path).is_some_and(|own| super::splits::is(split, &own))
}

/// Where COCO's pictures lie: `train2017` beside the document, beside its folder, and in `images` there.
fn coco_folders(path: &Path) -> Vec<PathBuf> {
    let Some(split) = coco_split(path) else { return Vec::new() };
    let own = Table::folder_of(path);
    let above = own.join("..");
    [own.join(&split), own.join("images").join(&split), above.join(&split), above.join("images").join(&split)].into()
}
