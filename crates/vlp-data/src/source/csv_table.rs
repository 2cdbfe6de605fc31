use std::cell::Cell;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use serde::{Deserialize, Serialize};

use super::files::open_file;
use super::{Frugal, Row, Table};
use crate::{Damage, DataError, Limits, Metadata};

/// How a table of picture paths and captions is written; the defaults are open_clip's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// Between two columns; one ASCII character (`--csv-separator`).
    pub separator: char,
    /// Column of the picture's path (`--csv-img-key`).
    pub image_column: String,
    /// Column of the caption (`--csv-caption-key`).
    pub caption_column: String,
    /// What relative paths begin from; the table's own folder where none is given. (open_clip takes the working directory.)
    pub root: Option<PathBuf>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { separator: '\t', image_column: "filepath".to_owned(), caption_column: "title".to_owned(), root: None }
    }
}

/// An unclosed quote would read the rest of the file into one field.
const RECORD_BYTES: u64 = 16 << 20;

/// Each row repeats the names of its columns as metadata, so that a long header would multiply with the rows.
const MOST_COLUMNS: usize = 1000;
const LONGEST_NAME: usize = 255;

impl Table {
    /// Reads a table with a header line.
    ///
    /// # Errors
    /// When the file cannot be read, a column is missing, the separator is not ASCII, the header has more than 1,000 columns or a
    /// name of more than 255 bytes, or no row can be used.
    pub fn from_csv(path: impl AsRef<Path>, options: &CsvOptions, limits: Limits) -> Result<Self, DataError> {
        let path = path.as_ref();
        let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
        let separator = u8::try_from(options.separator).ok().filter(u8::is_ascii);
        let separator = separator
            .ok_or_else(|| wrong(format!("the separator {:?} is not one ASCII character", options.separator)))?;
        let budget = Cell::new(RECORD_BYTES);
        let bytes = Frugal {
            inner: open_file(path)?,
            budget: &budget,
            what: "a record of more than 16 MiB (a quote without its end?)",
        };
        let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(bytes);
        let header = reader.byte_headers().map_err(|error| wrong(error.to_string()))?.clone();
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').to_owned()).collect();
        let column = |wanted: &str| {
            names.iter().position(|name| name == wanted).ok_or_else(|| {
                wrong(format!(
                    "no column `{wanted}` between separators {:?}: the header has {}",
                    options.separator,
                    names
                        .iter()
                        .take(20)
                        .map(|name| format!("`{}`", name.chars().take(60).collect::<String>()))
                        .collect::<Vec<_>>()
                        .join(", "),
                ))
            })
        };
        if names.len() > MOST_COLUMNS || names.iter().any(|name| name.len() > LONGEST_NAME) {
            let longest = names.iter().map(String::len).max().unwrap_or_default();
            let found = format!("{} columns, the longest name of {longest} bytes", names.len());
            return Err(wrong(format!("{found}; at most {MOST_COLUMNS} and {LONGEST_NAME} are read")));
        }
        let (image, caption) = (column(&options.image_column)?, column(&options.caption_column)?);
        let root = options.root.clone().unwrap_or_else(|| Table::folder_of(path));
        let mut table = Table::new(path.display().to_string(), root, limits);
        let mut record = ByteRecord::new();
        loop {
            budget.set(RECORD_BYTES);
            match reader.read_byte_record(&mut record) {
                Ok(false) => break,
                Ok(true) => match row(&record, &names, image, caption) {
                    Some(row) => table.push(row),
                    None => table.push_damage(&Damage::Encoding),
                },
                Err(error) => {
                    table.push_damage(&Damage::Archive(error.to_string()));
                    break;
                }
            }
        }
        table.finish()
    }
}

/// None where a field is not UTF-8. A missing path or caption is an empty one; other missing fields are left out.
fn row(record: &ByteRecord, names: &[String], image: usize, caption: usize) -> Option<Row> {
    let text = |column: usize| std::str::from_utf8(record.get(column).unwrap_or_default()).ok().map(str::to_owned);
    let mut metadata = Metadata::default();
    let rest = (0..names.len().min(record.len())).filter(|&column| column != image && column != caption);
    for (column, name) in rest.map(|column| (column, &names[column])) {
        metadata.insert(name, text(column)?);
    }
    Some(Row { path: text(image)?, captions: vec![text(caption)?], metadata })
}
