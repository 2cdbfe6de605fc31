//! Names of the parts that datasets come in.

use std::collections::BTreeSet;
use std::path::Path;

use crate::DataError;

/// Names that mean the same; the words of the `datasets` library, and Karpathy's `restval`, which is trained on.
const SYNONYMS: [&[&str]; 3] = [
    &["train", "training", "restval"],
    &["validation", "val", "valid", "dev"],
    &["test", "testing", "eval", "evaluation"],
];

/// The number of a split that a name means, in the order in which they are read.
pub(super) fn number(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    // `train2017` of COCO's folders.
    let name = match name.split_at_checked(name.len().saturating_sub(4)) {
        Some((name, year)) if year.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name.as_str(),
    };
    SYNONYMS.iter().position(|names| names.contains(&name))
}

/// Whether a name means the split that is asked for.
pub(super) fn is(wanted: &str, name: &str) -> bool {
    wanted == name || number(wanted).is_some_and(|wanted| number(name) == Some(wanted))
}

/// Refuses a split that is none of those there.
pub(super) fn check<'a>(wanted: &str, there: impl Iterator<Item = &'a str>, path: &Path) -> Result<(), DataError> {
    let there: BTreeSet<&str> = there.collect();
    if there.iter().any(|name| is(wanted, name)) {
        return Ok(());
    }
    let reason = if there.is_empty() {
        format!(
            "no split `{wanted}`: the data name none, neither by folders nor in a column `split`; leave `split` out"
        )
    } else {
        let there: Vec<&str> = there.into_iter().take(20).collect();
        format!("no split `{wanted}` among {}", there.join(", "))
    };
    Err(DataError::Table { path: path.to_owned(), reason })
}

/// The split that a relative path lies in: its first folder, or the first in `data`, if that is named like one.
pub(super) fn of_path(path: &Path) -> Option<String> {
    let mut folders = path.parent()?.components().map(|part| part.as_os_str().to_string_lossy());
    let first = folders.next()?;
    let first = if first == "data" { folders.next()? } else { first };
    number(&first).map(|_| first.into_owned())
}

/// Whether a file is named for a split (`train-00000-of-00004.parquet`, `train.parquet`).
pub(crate) fn of_file(path: &Path, wanted: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(['-', '.', '_']).next().is_some_and(|first| is(wanted, first))
}
