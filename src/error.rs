use std::fmt;
use std::process::ExitCode;

use vlp_core::SourceError;
use vlp_trainer::TrainError;

use crate::device::DeviceError;
use crate::pretrained::PretrainedError;
use crate::recipe::RecipeError;
use crate::run::RunError;

/// Whatever a program on top of this crate can fail with; every error of the crate becomes one by `?`.
///
/// `Display` and `Debug` both give the sentence, so that `fn main() -> Result<(), vlp::Error>` prints it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A trained model in use.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// A step of training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A source of batches.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Data or a tokenizer.
    #[error(transparent)]
    Data(#[from] vlp_data::DataError),
    /// An evaluation.
    #[error(transparent)]
    Eval(#[from] vlp_eval::EvalError),
    /// Weights.
    #[error(transparent)]
    Weights(#[from] vlp_weights::WeightError),
    /// A method.
    #[error(transparent)]
    Method(#[from] vlp_methods::MethodError),
    /// An encoder.
    #[error(transparent)]
    Encoder(#[from] vlp_encoders::EncoderError),
    /// A loss.
    #[error(transparent)]
    Loss(#[from] vlp_losses::LossError),
    /// A schedule.
    #[error(transparent)]
    Schedule(#[from] vlp_schedulers::ScheduleError),
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The exit code of a program that ends with this error: 2 for what was asked wrongly, 1 for what failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Recipe(_) | Error::Device(_) | Error::Method(_) | Error::Encoder(_) | Error::Loss(_) => 2,
            Error::Schedule(_) | Error::Weights(_) | Error::Data(_) => 2,
            Error::Run(error) if error.asked_wrongly() => 2,
            Error::Pretrained(error) if error.asked_wrongly() => 2,
            _ => 1,
        }
    }
}

/// The exit code of a program that ends with `result`, after the sentence of an error has gone to standard error.
///
/// ```
/// use std::process::ExitCode;
///
/// fn run() -> Result<(), vlp::Error> {
///     vlp::recipe::Recipe::open("quickstart").map(drop)?;
///     Ok(())
/// }
///
/// fn main() -> ExitCode {
///     vlp::exit_code(run())
/// }
/// ```
pub fn exit_code(result: Result<(), impl Into<Error>>) -> ExitCode {
    let Err(error) = result.map_err(Into::into) else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    ExitCode::from(error.exit_code())
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
