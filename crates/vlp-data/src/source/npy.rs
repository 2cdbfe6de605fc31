use std::path::{Path, PathBuf};

use super::files::{open_file, read_file};
use super::pickle::{Id, Pickle, Value};
use super::{Row, Table};
use crate::{Damage, DataError, Limits, Metadata};

/// Most bytes of a pickled table; CC12M's is about 2.5 GB.
const MOST_BYTES: u64 = 8 << 30;

impl Table {
    /// Reads CC3M's or CC12M's table in the layout of clip-rocket and SLIP: a `.npy` object array (or a bare pickle) of dicts
    /// with `captions` (a list) and the picture's path in `image_name`, or else in `image_id`. Nothing in the file is executed.
    ///
    /// # Errors
    /// When the file cannot be read, is no such array, asks to import anything, or no row can be used.
    pub fn from_npy(path: impl AsRef<Path>, root: impl Into<PathBuf>, limits: Limits) -> Result<Self, DataError> {
        let path = path.as_ref();
        let (pickle, top, mut budget) = read_pickle(path)?;
        let items = items(path, &pickle, top)?;
        let mut table = Table::new(path.display().to_string(), root, limits);
        for &item in items {
            match row(&pickle, item, &mut budget) {
                Some(row) => table.push(row),
                None => table.push_damage(&Damage::Metadata("no dict with `image_id` or `image_name`".to_owned())),
            }
            budget.check(path)?;
        }
        table.finish()
    }
}

fn row(pickle: &Pickle, item: Id, budget: &mut TextBudget) -> Option<Row> {
    let path = pickle.field(item, "image_name").or_else(|| pickle.field(item, "image_id"))?;
    let path = match path {
        Value::Text(text) => budget.copy(text),
        Value::Int(number) => number.to_string(),
        _ => return None,
    };
    let captions = match pickle.field(item, "captions").or_else(|| pickle.field(item, "caption")) {
        Some(Value::Text(text)) => vec![budget.copy(text)],
        Some(Value::List(list) | Value::Tuple(list)) => texts(pickle, list, budget),
        _ => Vec::new(),
    };
    Some(Row { path, captions, metadata: Metadata::default() })
}

/// The strings among some values, up to a number that no picture has captions of.
pub(super) fn texts(pickle: &Pickle, ids: &[Id], budget: &mut TextBudget) -> Vec<String> {
    const MOST: usize = 1000;
    let text = |&id: &Id| match pickle.get(id) {
        Value::Text(text) => Some(budget.copy(text)),
        _ => None,
    };
    ids.iter().take(MOST).filter_map(text).collect()
}

/// How much text the rows of a table may still hold. In a pickle many rows can refer to one list of long texts, so that a small
/// file would otherwise fill the memory.
#[derive(Debug)]
pub(super) struct TextBudget {
    file: u64,
    /// None once it was not enough.
    left: Option<u64>,
}

impl TextBudget {
    /// Rows may hold so many times the bytes of the file.
    const TIMES: u64 = 64;

    fn new(file: u64) -> Self {
        Self { file, left: Some(file.saturating_mul(Self::TIMES)) }
    }

    /// A copy of the text, or nothing when there is too much already.
    fn copy(&mut self, text: &str) -> String {
        // A string costs memory even when it is empty.
        let bytes = (text.len() + size_of::<String>()) as u64;
        self.left = self.left.and_then(|left| left.checked_sub(bytes));
        if self.left.is_some() { text.to_owned() } else { String::new() }
    }

    /// An error when there was more text than the file can hold without repeating itself.
    pub(super) fn check(&self, path: &Path) -> Result<(), DataError> {
        if self.left.is_some() {
            return Ok(());
        }
        let (times, file) = (Self::TIMES, self.file);
        let reason = format!("its rows share texts, {times} times the {file} bytes of the file: write each row out");
        Err(DataError::Table { path: path.to_owned(), reason })
    }
}

/// The items of the outermost list.
pub(super) fn items<'a>(path: &Path, pickle: &'a Pickle, top: Id) -> Result<&'a [Id], DataError> {
    let reason = "it holds no list and no array of objects".to_owned();
    pickle.items(top).ok_or_else(|| DataError::Table { path: path.to_owned(), reason })
}

/// A pickle, in a `.npy` file or bare: its values, the outermost one, and how much text may be taken out of it.
pub(super) fn read_pickle(path: &Path) -> Result<(Pickle, Id, TextBudget), DataError> {
    open_file(path)?;
    let wrong = |reason: String| DataError::Table { path: path.to_owned(), reason };
    let bytes = read_file(path, MOST_BYTES).map_err(|damage| wrong(damage.to_string()))?;
    let data = match bytes.strip_prefix(b"\x93NUMPY") {
        Some(rest) => object_data(rest).map_err(wrong)?,
        None => &bytes,
    };
    let (pickle, top) = Pickle::parse(data).map_err(|reason| {
        wrong(format!("not a pickle of plain data: {reason}. Convert it with scripts/npy-to-jsonl.py"))
    })?;
    Ok((pickle, top, TextBudget::new(bytes.len() as u64)))
}

/// What follows the header of a `.npy` file: version, length of the header, header.
fn object_data(rest: &[u8]) -> Result<&[u8], String> {
    let cut = || "the .npy header is cut off".to_owned();
    let wide = *rest.first().ok_or_else(cut)? >= 2;
    let length_bytes = if wide { 4 } else { 2 };
    let length = rest.get(2..2 + length_bytes).ok_or_else(cut)?;
    let length = length.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte));
    let start = 2 + length_bytes;
    let header = rest.get(start..start + length).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    if !header.contains("'|O'") {
        return Err(format!(
            "the .npy array holds no objects (header {})",
            header.trim().chars().take(80).collect::<String>()
        ));
    }
    Ok(&rest[start + length..])
}
