//! Lists of captions as Flickr8k and Flickr30k publish them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::csv_table::{CsvOptions, Quoting, SurplusCells};
use super::files::read_file;
use super::records::{Cells, Records};
use super::text_table::usual_folders;
use super::{Row, Table};
use crate::{Damage, DataError, Limits, Metadata, SourceOptions};

/// Which of the lists a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `1000.jpg#0<TAB>caption`, without a header.
    Tokens,
    /// `image_name| comment_number| comment`.
    Bars,
    /// `image,caption`, commas in captions unquoted or not.
    Commas,
}

/// Longest list of the pictures of a split.
const LIST_BYTES: u64 = 64 << 20;

/// What the first line tells.
pub(super) fn kind(first: &str) -> Option<Kind> {
    let bare: String = first.chars().filter(|c| !c.is_whitespace()).collect();
    if bare == "image_name|comment_number|comment" {
        return Some(Kind::Bars);
    }
    if bare == "image,caption" {
        return Some(Kind::Commas);
    }
    let (name, _) = first.split_once('\t')?;
    let (file, number) = name.rsplit_once('#')?;
    (file.contains('.') && number.parse::<u32>().is_ok()).then_some(Kind::Tokens)
}

impl Table {
    /// Reads such a list: one sample a picture, with all its captions.
    pub(super) fn from_flickr(path: &Path, kind: Kind, options: &SourceOptions) -> Result<Self, DataError> {
        let limits = options.limits.clone();
        let mut table = match kind {
            Kind::Commas => {
                let csv = CsvOptions {
                    separator: ',',
                    image_column: "image".to_owned(),
                    caption_column: "caption".to_owned(),
                    quoting: options.quoting,
                    surplus_cells: SurplusCells::Join,
                    join_rows: true,
                    ..CsvOptions::default()
                };
                Self::read_csv(path, &csv, limits)?
            }
            Kind::Bars | Kind::Tokens => {
                let mut table = Self::new(path.display().to_string(), Self::folder_of(path), limits);
                read_lines(&mut table, path, kind)?;
                table.join_rows();
                table
            }
        };
        table.name_columns("image", "caption");
        match &options.root {
            Some(root) => table.root = root.clone(),
            None => table.look_for_pictures(usual_folders(path)),
        }
        Ok(table)
    }

    /// Keeps the pictures that a file lists, one a line.
    pub(super) fn keep_listed(&mut self, list: &Path, limits: &Limits) -> Result<(), DataError> {
        let limit = limits.metadata_bytes.max(LIST_BYTES);
        let bytes = read_file(list, limit)
            .map_err(|damage| DataError::Table { path: list.to_owned(), reason: damage.to_string() })?;
        let text = String::from_utf8_lossy(&bytes);
        let names: HashSet<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        // Flickr30k's lists name pictures without their ending.
        self.rows.retain(|row| {
            let stem = row.path.rsplit_once('.').map_or(row.path.as_str(), |(stem, _)| stem);
            names.contains(row.path.as_str()) || names.contains(stem)
        });
        Ok(())
    }
}

fn read_lines(table: &mut Table, path: &Path, kind: Kind) -> Result<(), DataError> {
    let separator = if kind == Kind::Bars { b'|' } else { b'\t' };
    let mut records = Records::open(path, separator, Quoting::None)?;
    let mut cells = Cells::default();
    let mut header = kind == Kind::Bars;
    loop {
        match records.read(&mut cells) {
            Ok(false) => return Ok(()),
            Ok(true) if std::mem::take(&mut header) => {}
            Ok(true) => match row(&cells, kind) {
                Ok(row) => table.push(row),
                Err(damage) => table.push_damage(&damage),
            },
            Err(damage) => {
                table.push_damage(&damage);
                if matches!(damage, Damage::Io(_)) {
                    return Ok(());
                }
            }
        }
    }
}

fn row(cells: &Cells, kind: Kind) -> Result<Row, Damage> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| Damage::Encoding);
    let last = cells.len().saturating_sub(1);
    let name = text(cells.get(0).to_vec())?;
    let (path, caption) = match kind {
        Kind::Tokens => {
            let path = name.rsplit_once('#').map_or(name.as_str(), |(path, _)| path).trim().to_owned();
            (path, text(cells.joined(1, last.max(1), b'\t'))?)
        }
        // Flickr30k has a line without the second bar: number and caption share a cell.
        _ if cells.len() == 2 => {
            let both = text(cells.get(1).to_vec())?;
            let both = both.trim_start();
            let caption = both.trim_start_matches(|c: char| c.is_ascii_digit());
            let numbered = caption.len() < both.len() && caption.starts_with(char::is_whitespace);
            (name.trim().to_owned(), if numbered { caption } else { both }.to_owned())
        }
        _ => (name.trim().to_owned(), text(cells.joined(2, last.max(2), b'|'))?),
    };
    Ok(Row { path, captions: vec![caption], metadata: Metadata::default() })
}

/// The list of the pictures of a split beside Flickr8k's or Flickr30k's captions, if there is one.
pub(super) fn split_list(path: &Path, split: &str) -> Option<PathBuf> {
    let folder = Table::folder_of(path);
    let name = match super::splits::number(split)? {
        0 => ["Flickr_8k.trainImages.txt", "train.txt"],
        1 => ["Flickr_8k.devImages.txt", "val.txt"],
        _ => ["Flickr_8k.testImages.txt", "test.txt"],
    };
    name.iter().map(|name| folder.join(name)).find(|list| list.is_file())
}
