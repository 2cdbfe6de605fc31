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
    // `train2017` of COCO's folders.
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
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
