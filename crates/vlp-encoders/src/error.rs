/// What can be wrong with an encoder or head before it exists.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// Caller: a configuration that no module can be built from.
    #[error("{module}: {problem}")]
    Config {
        /// The module that was asked for.
        module: &'static str,
        /// The value at fault and what would do.
        problem: String,
    },
    /// Caller: a name that no preset has.
    #[error("there is no preset `{name}`; did you mean `{nearest}`? preset_names() lists all")]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
        /// The known name with the fewest edits.
        nearest: String,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for EncoderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl EncoderError {
    pub(crate) fn config(module: &'static str, problem: impl Into<String>) -> Self {
        EncoderError::Config { module, problem: problem.into() }
    }
}
