use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::csv_table::CsvOptions;
use super::field_names::{CAPTION_FIELDS, IMAGE_FIELDS};
use super::{Table, flickr};
use crate::{DataError, SourceOptions};

/// Longest header line looked at.
const HEADER_BYTES: u64 = 1 << 20;

impl Table {
    /// Reads a table of text whatever its separator and the names of its columns are, as far as its first line tells and the options do
    /// not say; Flickr8k's and Flickr30k's lists of captions are known by their content.
    pub(crate) fn from_text(path: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        Self::read_text(path, options)?.finish()
    }

    /// The same, not yet checked for rows.
    pub(super) fn read_text(path: &Path, options: &SourceOptions) -> Result<Self, DataError> {
        let first = first_line(path)?;
        let mut table = match flickr::kind(&first) {
            Some(kind) => Self::from_flickr(path, kind, options)?,
            None => Self::read_csv(path, &csv_options(path, &first, options), options.limits.clone())?,
        };
        if let Some(split) = &options.split {
            match flickr::split_list(path, split) {
                Some(list) => table.keep_listed(&list, &options.limits)?,
                None => table.keep_split(split)?,
            }
        }
        Ok(table)
    }
}

/// The first line that is not blank; it need not be text.
pub(super) fn first_line(path: &Path) -> Result<String, DataError> {
    let read_error = |source| DataError::Read { path: path.to_owned(), source };
    let file: File = super::files::open_file(path)?;
    let mut lines = BufReader::new(file).take(HEADER_BYTES);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(read_error)? == 0 {
            return Ok(String::new());
        }
        // Old spreadsheets end lines with a carriage return alone.
        let text = String::from_utf8_lossy(&line).trim_start_matches('\u{feff}').trim().to_owned();
        if let Some(first) = text.split('\r').find(|line| !line.trim().is_empty()) {
            return Ok(first.to_owned());
        }
    }
}

/// Separator and columns by a header, where the options do not name them.
fn csv_options(path: &Path, header: &str, options: &SourceOptions) -> CsvOptions {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let likely = match options.separator {
        Some(separator) => vec![separator],
        None if extension == "csv" => vec![',', ';', '\t', '|'],
        None => vec!['\t', ',', ';', '|'],
    };
    let names = |separator: char| -> Vec<&str> {
        header.split(separator).map(|name| name.trim().trim_matches('"').trim()).collect()
    };
    let whole = |&separator: &char| {
        let names = names(separator);
        Some((separator, image_column(&names, options)?, caption_columns(&names, options)?))
    };
    let usual = CsvOptions::default();
    let (separator, image_column, mut captions) = likely.iter().find_map(whole).unwrap_or_else(|| {
        // Half of it at least, so that the message says what is missing.
        let half = |&separator: &char| Some((separator, image_column(&names(separator), options)?));
        let image = options.image.clone().unwrap_or(usual.image_column);
        let (separator, image) = likely.iter().find_map(half).unwrap_or((likely[0], image));
        let captions = if options.captions.is_empty() { vec![usual.caption_column] } else { options.captions.clone() };
        (separator, image, captions)
    });
    let others = captions.split_off(1);
    CsvOptions {
        separator,
        image_column,
        caption_column: captions.remove(0),
        other_caption_columns: others,
        root: options.root.clone(),
        quoting: options.quoting,
        surplus_cells: options.surplus_cells,
        join_rows: options.join_rows,
    }
}

/// The column of pictures; open_clip's name goes before others.
fn image_column(names: &[&str], options: &SourceOptions) -> Option<String> {
    match &options.image {
        Some(name) => exactly(names, name),
        None => exactly(names, "filepath").or_else(|| IMAGE_FIELDS.iter().find_map(|name| in_any_case(names, name))),
    }
}

/// The columns of captions; beside open_clip's name for pictures its name for captions goes before others.
fn caption_columns(names: &[&str], options: &SourceOptions) -> Option<Vec<String>> {
    if !options.captions.is_empty() {
        return options.captions.iter().map(|name| exactly(names, name)).collect();
    }
    let own = exactly(names, "title").filter(|_| exactly(names, "filepath").is_some());
    let usual = || CAPTION_FIELDS.iter().find_map(|name| in_any_case(names, name));
    own.or_else(usual).map(|name| vec![name])
}

fn exactly(names: &[&str], wanted: &str) -> Option<String> {
    names.iter().find(|name| **name == wanted).map(|name| (*name).to_owned())
}

fn in_any_case(names: &[&str], wanted: &str) -> Option<String> {
    names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).map(|name| (*name).to_owned())
}

/// Folders in which a list's pictures usually lie, from the list's own on.
pub(super) fn usual_folders(path: &Path) -> Vec<PathBuf> {
    let own = Table::folder_of(path);
    let above = own.parent().map(Path::to_owned).unwrap_or_else(|| own.join(".."));
    let names =
        ["images", "Images", "img", "flickr30k-images", "flickr30k_images", "Flicker8k_Dataset", "Flickr8k_Dataset"];
    let of = |folder: &Path| names.iter().map(|name| folder.join(name)).collect::<Vec<_>>();
    [of(&own), vec![above.clone()], of(&above)].concat()
}
