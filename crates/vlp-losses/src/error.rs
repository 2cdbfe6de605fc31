/// What can be wrong with a loss before it exists.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// Caller: label smoothing outside `[0, 1)`.
    #[error("label smoothing {0} is not in [0, 1); 0 turns it off, CLIP-rocket uses 0.1")]
    LabelSmoothing(f64),
    /// Caller: a temperature that no scale can be made of.
    #[error("temperature {0} must be a positive number; CLIP starts at 0.07")]
    Temperature(f64),
}
