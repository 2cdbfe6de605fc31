//! Usual names of columns and fields, and captions in whatever they hold.

use serde_json::Value;

use crate::{Metadata, SourceOptions};

/// Names under which a line or a row may give the picture's path; the first one present is taken.
pub(super) const IMAGE_FIELDS: [&str; 12] = [
    "image",
    "file_name",
    "image_file_name",
    "filepath",
    "image_path",
    "path",
    "filename",
    "image_name",
    "img_path",
    "img",
    "file",
    "file_path",
];

/// Names under which it may give captions; the first one present is taken.
pub(super) const CAPTION_FIELDS: [&str; 8] =
    ["caption", "captions", "text", "title", "sentences", "raw", "comment", "description"];

/// What stands for the `.txt` file or member among names of fields.
const TEXT: &str = "txt";

/// Which fields hold captions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CaptionFields {
    /// As the caller names them; none: the first of the usual ones.
    names: Vec<String>,
    /// Each line of a text is one.
    lines: bool,
}

impl CaptionFields {
    pub(super) fn new(names: &[String], lines: bool) -> Self {
        Self { names: names.to_vec(), lines }
    }

    pub(super) fn of(options: &SourceOptions) -> Self {
        Self::new(&options.captions, options.caption_lines)
    }

    /// All captions of a sample: those of its text, if it is wanted, and those of its fields. Where no field is named, the first usual
    /// one counts if there is no text; a longer list that has what was found in it counts in either case.
    pub(super) fn captions(&self, text: &str, metadata: &Metadata) -> Vec<String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut captions: Vec<String> = match self.lines {
            true => text.lines().map(str::to_owned).collect(),
            false => vec![text.to_owned()],
        };
        captions.retain(|caption| !caption.trim().is_empty());
        if self.names.is_empty() {
            if captions.is_empty() {
                captions = self.in_fields(metadata);
            }
            // A list of all captions beside the one that others read.
            let listed = CAPTION_FIELDS.iter().filter_map(|name| metadata.get(name).and_then(texts));
            let lists =
                |list: &Vec<String>| captions.iter().all(|one| list.iter().any(|other| other.trim() == one.trim()));
            if let Some(list) = listed.into_iter().find(|list| list.len() > captions.len() && lists(list)) {
                let more = list.into_iter().filter(|other| !captions.iter().any(|one| other.trim() == one.trim()));
                let more: Vec<String> = more.collect();
                captions.extend(more);
            }
        } else {
            let mut all = Vec::new();
            for name in &self.names {
                if name == TEXT {
                    all.append(&mut captions);
                } else if let Some(found) = metadata.get(name).and_then(texts) {
                    all.extend(found);
                }
            }
            captions = all;
        }
        captions
    }

    /// Whether fields must be read: one is named, or there is no text.
    pub(super) fn are_needed(&self, text: &str) -> bool {
        match self.names.is_empty() {
            true => text.trim_start_matches('\u{feff}').trim().is_empty(),
            false => self.names.iter().any(|name| name != TEXT),
        }
    }

    /// The captions in the fields named, or else in the first usual one.
    pub(super) fn in_fields(&self, metadata: &Metadata) -> Vec<String> {
        let field = |name: &str| metadata.get(name).and_then(texts);
        if self.names.is_empty() {
            return CAPTION_FIELDS.iter().find_map(|name| field(name)).unwrap_or_default();
        }
        self.names.iter().filter_map(|name| field(name)).flatten().collect()
    }

    /// The name of the field that captions are read from; the first of several.
    pub(super) fn name_in(&self, metadata: &Metadata) -> Option<String> {
        let held = |name: &str| metadata.get(name).and_then(texts).is_some();
        match self.names.is_empty() {
            true => CAPTION_FIELDS.iter().find(|name| held(name)).map(|name| (*name).to_owned()),
            false => self.names.iter().find(|name| held(name)).cloned(),
        }
    }

    /// Removes the fields that captions were read from.
    pub(super) fn remove_from(&self, metadata: &mut Metadata) {
        match self.names.is_empty() {
            true => self.name_in(metadata).iter().for_each(|name| metadata.remove(name)),
            false => self.names.iter().for_each(|name| metadata.remove(name)),
        }
    }
}

/// A caption or a list of them; none where the value is neither.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        // A caption that is a number is still a caption, as in open_clip's tables.
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Array(list) => Some(list.iter().filter_map(element).collect()),
        _ => None,
    }
}

/// An element of a list of captions: a text, or an object that holds one, as Karpathy's sentences do.
fn element(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(fields) => ["raw", "caption", "text", "sentence"]
            .iter()
            .find_map(|name| fields.get(*name)?.as_str())
            .map(str::to_owned),
        _ => None,
    }
}

/// The captions of a cell: one, or those of a JSON list in a column that is named as if it held several.
pub(super) fn texts_in_json(column: &str, cell: String) -> Vec<String> {
    if matches!(column, "captions" | "sentences" | "raw")
        && cell.trim_start().starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(&cell)
    {
        return list;
    }
    vec![cell]
}
