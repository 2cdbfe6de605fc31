use std::path::{Path, PathBuf};

use vlp_data::DataError;
use vlp_weights::WeightError;

/// Why a trained model cannot be opened, used or handed on.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PretrainedError {
    // The caller's fault.
    /// Nothing lies at a path.
    #[error("there is no file or folder {}; {}", path.display(), LAYOUTS)]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The name of a published model in the place of a path.
    #[error(
        "{name} is the name of a model, not a file or folder of weights, and nothing is downloaded here: get the folder of one, for \
         example with `hf download OWNER/NAME --local-dir {name}`, and give its path; {}",
        LAYOUTS
    )]
    ModelName {
        /// The name.
        name: String,
    },
    /// A folder that holds none of the known layouts.
    #[error("{} is no model: {found}; {}", path.display(), LAYOUTS)]
    NoModel {
        /// The folder.
        path: PathBuf,
        /// What there is instead.
        found: String,
    },
    /// A file of weights whose model nothing tells.
    #[error(
        "{what} is not known: it carries none and none lies beside it; say which model it is, with --model NAME (`OpenOptions::model`)"
    )]
    ModelUnknown {
        /// The configuration that is missing.
        what: String,
    },
    /// A model named for a folder that says itself which it is.
    #[error("--model {name}: {} is a folder with a configuration of its own; leave the name out", path.display())]
    ModelKnown {
        /// The name given.
        name: String,
        /// The folder.
        path: PathBuf,
    },
    /// A folder of a run without anything to open.
    #[error("{} holds no readable checkpoint{}", path.display(), told(unreadable))]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
        /// Why each checkpoint there cannot be read.
        unreadable: Vec<String>,
    },
    /// A checkpoint whose configuration is no recipe.
    #[error("{} was written by a program whose configuration is no recipe, so its model is not known: {reason}", path.display())]
    NotARun {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with the configuration.
        reason: String,
    },
    /// Texts for a model without a tokenizer.
    #[error("{0}")]
    NoTokenizer(String),
    /// Pictures for a model without a tower that reads them.
    #[error("{0}")]
    NoTower(String),
    /// A tokenizer that was not the model's.
    #[error("{tokenizer} is another model's tokenizer: {reason}")]
    TokenizerDiffers {
        /// Which tokenizer.
        tokenizer: String,
        /// How the two disagree.
        reason: String,
    },
    /// A model that another library has no form for.
    #[error("this model cannot be exported: {reason}")]
    NoExport {
        /// Why.
        reason: String,
    },
    /// Paths without a single picture.
    #[error("no pictures in {paths} (.png, .jpg, .jpeg, .webp, or .tar of them)")]
    NoPictures {
        /// The paths.
        paths: String,
    },
    /// Nothing where at least one is needed.
    #[error("no {what} given: at least one is needed")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// A template that has no place for the class.
    #[error(
        "the template '{template}' has no {{}} or {{c}} for the class, so every class would get the same text: put one in"
    )]
    Template {
        /// The template.
        template: String,
    },
    /// A setting out of its range.
    #[error("{name} is {value}, but must be {must}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        must: &'static str,
    },
    /// A file to write of no known kind.
    #[error("{} must end in .npy or .safetensors", path.display())]
    Ending {
        /// The file.
        path: PathBuf,
    },
    /// An interrupted file of vectors that something else was the source of.
    #[error("{} cannot be resumed: {reason}; start it anew without --resume", path.display())]
    NoResume {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A place that cannot be read or written to, found out before the work began.
    #[error("cannot {action} {}: {source}", path.display())]
    Place {
        /// What was to be done.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A compute device.
    #[error(transparent)]
    Device(#[from] crate::device::DeviceError),
    /// Weights or their configuration.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] vlp_trainer::TrainError),
    /// The recipe of a run.
    #[error(transparent)]
    Recipe(#[from] crate::recipe::RecipeError),
    /// A method that a recipe asks for.
    #[error(transparent)]
    Method(#[from] vlp_methods::MethodError),
    /// An encoder that a recipe asks for.
    #[error(transparent)]
    Encoder(#[from] vlp_encoders::EncoderError),
    /// A tokenizer or shards.
    #[error(transparent)]
    Data(#[from] DataError),

    // What failed while it was done.
    /// A picture that cannot be read, where each one counts.
    #[error("{name} cannot be read: {reason}")]
    Picture {
        /// The picture.
        name: String,
        /// Why.
        reason: String,
    },
    /// Pictures none of which can be read.
    #[error("none of {count} pictures could be read; the first: {first}")]
    NoneReadable {
        /// How many there are.
        count: usize,
        /// The first one, and why it cannot be read.
        first: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Vectors that are no numbers, or do not fit one another.
    #[error(transparent)]
    Eval(#[from] vlp_eval::EvalError),
}

/// What can be opened.
const LAYOUTS: &str = "a model is the folder of a training run, a folder in open_clip's layout (open_clip_config.json) or in Hugging \
                       Face's (config.json), a folder of its hub's cache (models--OWNER--NAME), or one file of weights (.safetensors, .pt) \
                       with its configuration inside, beside it, or named by --model";

impl PretrainedError {
    /// Whether something was asked for that cannot be (true), or failed while it was done (false).
    pub fn asked_wrongly(&self) -> bool {
        match self {
            PretrainedError::Picture { .. }
            | PretrainedError::NoneReadable { .. }
            | PretrainedError::Io { .. }
            | PretrainedError::Eval(_)
            | PretrainedError::Data(
                DataError::Unreachable(_) | DataError::WorkerPanicked { .. } | DataError::Thread { .. },
            ) => false,
            // What is found out while an export is being written; `replace` and `open` refuse before.
            PretrainedError::Weights(WeightError::Io { action, .. }) => {
                !["create", "write", "sync", "rename", "move away", "delete"].contains(action)
            }
            _ => true,
        }
    }

    /// What a program ends with: 2 for what was asked wrongly, 1 for what failed.
    pub fn exit_code(&self) -> u8 {
        if self.asked_wrongly() { 2 } else { 1 }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| PretrainedError::Io { action, path, source }
    }

    pub(super) fn place(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| PretrainedError::Place { action, path, source }
    }
}

/// The sentence that [`Display`](std::fmt::Display) gives, so that a program whose `main` returns the error says it.
impl std::fmt::Debug for PretrainedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

fn told(unreadable: &[String]) -> String {
    if unreadable.is_empty() { String::new() } else { format!(": {}", unreadable.join("; ")) }
}
