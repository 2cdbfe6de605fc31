use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fetch_first::fetch_first;
use super::field_names::texts_in_json;
use super::records::{Cells, Records};
use super::{Row, Table};
use crate::{Damage, DataError, Limits, Metadata};

/// What quotation marks mean in a table of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoting {
    /// A cell that begins with one ends with the next; two stand for one.
    #[default]
    Minimal,
    /// Nothing: they are text.
    None,
}

/// What becomes of rows with more cells than the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurplusCells {
    /// They are damaged, and counted.
    #[default]
    Damage,
    /// The caption is taken to have separators in it without quotes: its cells are joined with them.
    Join,
}

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
    /// Further columns with captions of the same picture.
    pub other_caption_columns: Vec<String>,
    /// What relative paths begin from; the table's own folder where none is given. (open_clip takes the working directory.)
    pub root: Option<PathBuf>,
    /// What quotation marks mean.
    pub quoting: Quoting,
    /// What becomes of rows with more cells than the header.
    pub surplus_cells: SurplusCells,
    /// Rows that name the same picture are one sample with several captions.
    pub join_rows: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            separator: '\t',
            image_column: "filepath".to_owned(),
            caption_column: "title".to_owned(),
            other_caption_columns: Vec::new(),
            root: None,
            quoting: Quoting::default(),
            surplus_cells: SurplusCells::default(),
            join_rows: false,
        }
    }
}

/// Each row repeats the names of its columns as metadata, so that a long header would multiply with the rows.
const MOST_COLUMNS: usize = 1000;
const LONGEST_NAME: usize = 255;

impl Table {
    /// Reads a table with a header line. A row with more cells than the header is damaged, unless the further ones are empty; so is one
    /// with a quotation mark that opens a cell and is not closed within 100 lines.
    ///
    /// # Errors
    /// When the file cannot be read, a column is missing, the separator is not ASCII, the header has more than 1,000 columns or a
    /// name of more than 255 bytes, or no row can be used.
    pub fn from_csv(path: impl AsRef<Path>, options: &CsvOptions, limits: Limits) -> Result<Self, DataError> {
        Self::read_csv(path.as_ref(), options, limits)?.finish()
    }

    /// The same, not yet checked for rows.
    pub(super) fn read_csv(path: &Path, options: &CsvOptions, limits: Limits) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
        let separator = u8::try_from(options.separator).ok().filter(u8::is_ascii);
        let separator = separator
            .ok_or_else(|| wrong(format!("the separator {:?} is not one ASCII character", options.separator)))?;
        let mut records = Records::open(path, separator, options.quoting)?;
        let mut cells = Cells::default();
        records.read(&mut cells).map_err(|damage| wrong(damage.to_string()))?;
        let columns = Columns::find(&cells, options, path)?;
        let root = options.root.clone().unwrap_or_else(|| Table::folder_of(path));
        let mut table = Table::new(path.display().to_string(), root, limits);
        table.name_columns(&options.image_column, &options.caption_column);
        loop {
            match records.read(&mut cells) {
                Ok(false) => break,
                Ok(true) => match columns.row(&cells, separator, options.surplus_cells) {
                    Ok(row) => table.push(row),
                    Err(damage) => table.push_damage(&damage),
                },
                Err(damage @ Damage::Io(_)) => {
                    table.push_damage(&damage);
                    break;
                }
                Err(damage) => table.push_damage(&damage),
            }
        }
        if options.join_rows {
            table.join_rows();
        } else {
            table.tell_repeated();
        }
        Ok(table)
    }
}

/// The header, and which of its columns are what.
struct Columns {
    names: Vec<String>,
    image: usize,
    captions: Vec<usize>,
}

impl Columns {
    fn find(header: &Cells, options: &CsvOptions, path: &Path) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
        let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        if names.len() > MOST_COLUMNS || names.iter().any(|name| name.len() > LONGEST_NAME) {
            let longest = names.iter().map(String::len).max().unwrap_or_default();
            let found = format!("{} columns, the longest name of {longest} bytes", names.len());
            return Err(wrong(format!("{found}; at most {MOST_COLUMNS} and {LONGEST_NAME} are read")));
        }
        let column = |wanted: &str| {
            names.iter().position(|name| name == wanted.trim()).ok_or_else(|| {
                let there =
                    names.iter().take(20).map(|name| format!("`{}`", name.chars().take(60).collect::<String>()));
                let there = there.collect::<Vec<_>>().join(", ");
                let advice = fetch_first(names.iter().map(String::as_str), path);
                let advice = advice
                    .unwrap_or_else(|| "Name the columns of pictures and captions (`image`, `captions`)".to_owned());
                wrong(format!(
                    "no column `{wanted}` between separators {:?}: the header has {there}. {advice}",
                    options.separator
                ))
            })
        };
        let image = column(&options.image_column)?;
        let captions = std::iter::once(&options.caption_column).chain(&options.other_caption_columns);
        let captions = captions.map(|name| column(name)).collect::<Result<_, _>>()?;
        Ok(Self { names, image, captions })
    }

    /// A missing path or caption is an empty one; other missing cells are left out.
    fn row(&self, cells: &Cells, separator: u8, surplus_cells: SurplusCells) -> Result<Row, Damage> {
        let wanted = self.names.len();
        let mut surplus = cells.len().saturating_sub(wanted);
        if surplus > 0 && (wanted..cells.len()).all(|number| cells.get(number).is_empty()) {
            surplus = 0;
        }
        if surplus > 0 && surplus_cells == SurplusCells::Damage {
            return Err(Damage::Row(format!(
                "{} cells, the header has {wanted}: quote cells with the separator in them, or join what is surplus to the caption \
                 (`surplus_cells`)",
                cells.len()
            )));
        }
        let caption = self.captions[0];
        let text = |column: usize| {
            // Surplus cells belong to the caption and move what comes behind it.
            let bytes = match column {
                _ if surplus == 0 || column < caption => cells.get(column).to_vec(),
                _ if column == caption => cells.joined(column, column + surplus, separator),
                _ => cells.get(column + surplus).to_vec(),
            };
            String::from_utf8(bytes).map_err(|_| Damage::Encoding)
        };
        let mut metadata = Metadata::default();
        for (column, name) in self.names.iter().enumerate().take(cells.len()) {
            if column != self.image && !self.captions.contains(&column) {
                metadata.insert(name, text(column)?);
            }
        }
        let mut captions = Vec::with_capacity(self.captions.len());
        for &column in &self.captions {
            captions.extend(texts_in_json(&self.names[column], text(column)?));
        }
        Ok(Row { path: text(self.image)?, captions, metadata })
    }
}
