use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a pipeline written as data or with a dictionary.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AugmentError {
    /// Caller: a name that nothing has.
    #[error("there is no {kind} `{name}`{}; known: {known}", .nearest.as_ref().map_or(String::new(), |n| format!(", did you mean `{n}`?")))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// What it was called.
        name: String,
        /// The known name that comes closest, when one comes close.
        nearest: Option<&'static str>,
        /// All known names.
        known: String,
    },
    /// Caller: an operation without its name.
    #[error("an operation needs the key `op`, its name; known: {known}")]
    Unnamed {
        /// All known names.
        known: String,
    },
    /// Caller: keys or kinds of values that the operation does not have.
    #[error("operation `{op}`: {message}")]
    Fields {
        /// Name of the operation.
        op: String,
        /// Which key, and what was expected.
        message: String,
    },
    /// Caller: a value out of range.
    #[error("operation `{op}`: {field} is {value} but must be {must}")]
    Value {
        /// Name of the operation.
        op: String,
        /// The key.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        must: &'static str,
    },
    /// Environment: a file of a dictionary cannot be read.
    #[error("cannot read the dictionary file {path}: {message}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// Data: a file of a dictionary is damaged.
    #[error("{path}, line {line}: {message}; take the file anew from WordNet", path = .path.display())]
    Dictionary {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for AugmentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl AugmentError {
    pub(crate) fn unknown(kind: &'static str, name: &str, known: &[&'static str]) -> Self {
        let nearest = known
            .iter()
            .map(|&candidate| (strsim::levenshtein(name, candidate), candidate))
            .min()
            // Further apart than half of its letters is no misspelling.
            .filter(|(distance, candidate)| *distance <= candidate.chars().count() / 2)
            .map(|(_, candidate)| candidate);
        Self::Unknown { kind, name: name.to_owned(), nearest, known: known.join(", ") }
    }
}
