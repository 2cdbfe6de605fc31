/// What can be wrong with an encoder or head before it exists.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
}

impl EncoderError {
    pub(crate) fn config(module: &'static str, problem: impl Into<String>) -> Self {
        EncoderError::Config { module, problem: problem.into() }
    }
}
