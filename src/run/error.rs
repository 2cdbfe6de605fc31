use std::fmt;
use std::path::PathBuf;

use vlp_data::DataError;
use vlp_encoders::EncoderError;
use vlp_eval::EvalError;
use vlp_methods::MethodError;
use vlp_report::ReportError;
use vlp_schedulers::ScheduleError;
use vlp_trainer::TrainError;
use vlp_weights::WeightError;

use crate::device::DeviceError;
use crate::recipe::RecipeError;

/// Why a run cannot start, go on or be looked at.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    // The caller's.
    /// A recipe without training data.
    #[error("the recipe names no training data: add a table [[data.train]] with `source = \"...\"`, or give --data")]
    NoData,
    /// A batch that a pass over the data cannot fill without repeating samples.
    #[error(
        "batch_size is {batch_size}, but the training data holds {samples} samples: a batch would hold the same sample twice. \
         Set batch_size to {samples} or less"
    )]
    BatchTooLarge {
        /// Samples of a batch.
        batch_size: usize,
        /// Samples there are.
        samples: usize,
    },
    /// A tokenizer whose ids the text encoder's table does not hold, or that is another model's.
    #[error("the tokenizer {tokenizer} has {entries} entries, but text.vocab_size is {vocab_size}: {advice}")]
    Vocabulary {
        /// The tokenizer.
        tokenizer: String,
        /// Its entries.
        entries: usize,
        /// Rows of the text encoder's table.
        vocab_size: usize,
        /// What to do.
        advice: String,
    },
    /// A run that is there already.
    #[error("{} holds a run of {method} that {state}", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
        /// Its method.
        method: String,
        /// How far it is, and what to do.
        state: String,
    },
    /// A run that is not there.
    #[error("{} holds no checkpoint: nothing to resume or to load{why}", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// Why what is there cannot be read.
        why: String,
    },
    /// A checkpoint whose configuration is none of this version.
    #[error("{} is no run that this version ({version}) reads: {reason}", dir.display(), version = env!("CARGO_PKG_VERSION"))]
    Version {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A recipe that is not the run's.
    #[error("{} was begun with another recipe: {}; `--fork` starts a new run from its parameters", dir.display(), differences.join("; "))]
    OtherRecipe {
        /// The folder.
        dir: PathBuf,
        /// Key by key, what the run has and what was asked for.
        differences: Vec<String>,
    },
    /// A resumed run that is sent to another folder.
    #[error("a run resumed from {} continues there, not in {}: fork it to write elsewhere", from.display(), into.display())]
    ElsewhereResumed {
        /// The run's folder.
        from: PathBuf,
        /// The folder that was given.
        into: PathBuf,
    },
    /// A key that does not fit this method or encoder.
    #[error("recipe key {key}: {problem}")]
    Key {
        /// The key.
        key: &'static str,
        /// What does not fit, and what would.
        problem: String,
    },
    /// A sample of an evaluation set without the field that the recipe names.
    #[error("eval set {set}: {sample} has no field `{field}`; its fields are {known}")]
    Field {
        /// The set.
        set: String,
        /// The sample.
        sample: String,
        /// The field.
        field: String,
        /// The fields there are.
        known: String,
    },
    /// A picture that was there a moment ago.
    #[error("{sample} cannot be read any more: {reason}")]
    Unreadable {
        /// The sample.
        sample: String,
        /// Why.
        reason: String,
    },
    /// A recipe that says nothing to measure by.
    #[error("the recipe names nothing to evaluate on: add a table [[eval.sets]], or [data.validation]")]
    NothingToEvaluate,

    // The parts'.
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The data or the tokenizer.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An encoder.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The method.
    #[error(transparent)]
    Method(#[from] MethodError),
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Pretrained weights.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The evaluation.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A picture of results.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file of the run.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl RunError {
    /// What the system said about a file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| RunError::File { action, path, source }
    }

    /// Whether something was asked wrongly, rather than failed while it was done.
    pub fn asked_wrongly(&self) -> bool {
        match self {
            RunError::Train(error) => matches!(
                error,
                TrainError::RunExists { .. }
                    | TrainError::RunInUse { .. }
                    | TrainError::NoCheckpoint { .. }
                    | TrainError::ConfigDiffers { .. }
                    | TrainError::SeedDiffers { .. }
                    | TrainError::OtherModel { .. }
                    | TrainError::OtherOptimizer { .. }
                    | TrainError::NothingToTrain
            ),
            RunError::Eval(_) | RunError::Report(_) | RunError::Unreadable { .. } | RunError::File { .. } => false,
            _ => true,
        }
    }
}

/// The sentence: a `main` that returns the error prints it.
impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
