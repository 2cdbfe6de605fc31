use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value;

use super::files::open_file;
use super::{Row, Table};
use crate::{Damage, DataError, Limits, Metadata};

/// Names under which a line may give the picture's path and the caption; the first one present is taken.
const IMAGE_FIELDS: [&str; 5] = ["image", "file_name", "filepath", "image_path", "path"];
const CAPTION_FIELDS: [&str; 5] = ["caption", "captions", "text", "title", "sentences"];

impl Table {
    /// Reads JSON lines: an object a line, with the picture's path (`image`, `file_name`, `filepath`, `image_path` or
    /// `path`) and one caption or a list of them (`caption`, `captions`, `text`, `title` or `sentences`). Paths are relative
    /// to the file's folder; the other fields become metadata.
    ///
    /// # Errors
    /// When the file cannot be read or no line can be used.
    pub fn from_json_lines(path: impl AsRef<Path>, limits: Limits) -> Result<Self, DataError> {
        let path = path.as_ref();
        let mut lines = BufReader::new(open_file(path)?);
        let longest = limits.metadata_bytes;
        let mut table = Table::new(path.display().to_string(), Table::folder_of(path), limits);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut lines).take(longest + 1).read_until(b'\n', &mut line);
            match read {
                Ok(0) => break,
                Ok(_) if line.len() as u64 > longest => {
                    let member = "line".to_owned();
                    table.push_damage(&Damage::TooLarge { member, bytes: line.len() as u64, limit: longest });
                    if let Err(error) = lines.skip_until(b'\n') {
                        table.push_damage(&Damage::Io(error.to_string()));
                        break;
                    }
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => match Metadata::parse(&line) {
                    Ok(metadata) => table.push(row(metadata)),
                    Err(damage) => table.push_damage(&damage),
                },
                Err(error) => {
                    table.push_damage(&Damage::Io(error.to_string()));
                    break;
                }
            }
        }
        table.finish()
    }
}

fn row(mut metadata: Metadata) -> Row {
    let path = IMAGE_FIELDS.iter().find_map(|field| metadata.text(field).map(str::to_owned)).unwrap_or_default();
    let captions = CAPTION_FIELDS.iter().find_map(|field| captions(metadata.get(field)?)).unwrap_or_default();
    for field in IMAGE_FIELDS.iter().chain(&CAPTION_FIELDS) {
        metadata.remove(field);
    }
    Row { path, captions, metadata }
}

fn captions(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        // A caption that is a number is still a caption, as in open_clip's tables.
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    }
}
