//! Why a command did not do what it was asked for, and whose fault that is.

use std::fmt;

/// One sentence and the program's exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    sentence: String,
}

impl Failure {
    /// What was asked for cannot be: exit code 2.
    pub(crate) fn asked(error: impl fmt::Display) -> Self {
        Failure { code: 2, sentence: error.to_string() }
    }

    /// It went wrong while it was done: exit code 1.
    pub(crate) fn failed(error: impl fmt::Display) -> Self {
        Failure { code: 1, sentence: error.to_string() }
    }

    /// What the library knows about whose fault it is.
    pub(crate) fn of(error: impl Into<vlp::Error>) -> Self {
        let error = error.into();
        Failure { code: error.exit_code(), sentence: error.to_string() }
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence.trim_end())
    }
}

/// Says of an error whose fault it is.
pub(crate) trait Blame<T> {
    /// The caller's, or the environment's as it was found.
    fn asked(self) -> Result<T, Failure>;
    /// That of the work.
    fn failed(self) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Blame<T> for Result<T, E> {
    fn asked(self) -> Result<T, Failure> {
        self.map_err(Failure::asked)
    }

    fn failed(self) -> Result<T, Failure> {
        self.map_err(Failure::failed)
    }
}
