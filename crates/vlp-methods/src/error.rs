use vlp_encoders::EncoderError;
use vlp_losses::LossError;

/// What can be wrong with a method before it exists.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// Caller: a head that cannot be built.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Caller: a loss that cannot be built.
    #[error(transparent)]
    Loss(#[from] LossError),
}
