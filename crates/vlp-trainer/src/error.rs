use std::path::{Path, PathBuf};

use vlp_core::SourceError;

use crate::{HookError, StepNumbers};

/// Why training ended early or could not start, grouped by whose fault it is.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    // The data's fault.
    /// The source could not give the next batch.
    #[error("step {step}: no batch: {source}")]
    Source {
        /// The step that needed the batch.
        step: u64,
        /// The source's own error.
        source: SourceError,
    },
    /// A loss or gradient norm that is infinite, not a number, or whose square is beyond f32; no parameter was touched.
    #[error("step {step}: {numbers}; the update was not applied. {}", advice(numbers))]
    NonFinite {
        /// The step, from 0.
        step: u64,
        /// What it computed.
        numbers: StepNumbers,
    },
    /// More non-finite steps than `NonFinite::Skip` allows.
    #[error("step {step}: {numbers}; this is skip number {skipped} and `NonFinite::Skip` allows {at_most}")]
    TooManySkipped {
        /// The step, from 0.
        step: u64,
        /// What it computed.
        numbers: StepNumbers,
        /// Skipped steps of the run, this one included.
        skipped: u64,
        /// What the policy allows.
        at_most: u64,
    },

    /// A batch with a number that no input can be; no parameter and no statistic was touched.
    #[error(
        "step {step}: the batch holds a number of magnitude {largest}, and inputs may have {at_most}; the update was not applied. Look \
         at what the source gives: normalised pictures stay within a few units. `TrainerOptions::max_input` allows more"
    )]
    Input {
        /// The step, from 0.
        step: u64,
        /// The largest magnitude in the batch.
        largest: f32,
        /// What is allowed.
        at_most: f32,
    },
    /// A buffer, such as a running variance, that the forward pass made infinite or NaN; it was put back.
    #[error(
        "step {step}: `{name}` is no longer finite after the forward pass, though loss and gradients are; the update was not applied \
         and the buffer was put back. Look at the batch for values far from all others, or resume and accept a few such steps \
         with `NonFinite::Skip`"
    )]
    Buffer {
        /// The step, from 0.
        step: u64,
        /// The buffer.
        name: String,
    },

    // The caller's fault.
    /// A learning rate, decay or other number of an update that f32 cannot hold; no parameter was touched.
    #[error(
        "step {step}: the {name} is {value}, which is not finite in f32; no update was made. Mend the schedule that gives it"
    )]
    Rate {
        /// The step, from 0.
        step: u64,
        /// What it is.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// An option of the run that cannot be.
    #[error("`{name}` is {value}; it must be {must}")]
    Option {
        /// The option.
        name: &'static str,
        /// What it was set to.
        value: f64,
        /// What would do.
        must: &'static str,
    },
    /// An update that made a parameter or buffer infinite or NaN out of finite gradients; it was taken back.
    #[error(
        "step {step}: the update made `{name}` infinite or NaN though loss and gradients are finite; it was taken back. Look at the \
         optimizer's numbers (betas, epsilon, weight decay) and at a teacher's momentum"
    )]
    Update {
        /// The step, from 0.
        step: u64,
        /// The first tensor that is not finite.
        name: String,
    },
    /// A checkpoint that would hold what is not finite.
    #[error(
        "after {step} steps {what} is not finite: no checkpoint was written, and older ones stay. Resume from them with a lower \
         learning rate"
    )]
    NotFinite {
        /// Steps taken.
        step: u64,
        /// Which part of the state.
        what: String,
    },
    /// No parameter can receive a gradient.
    #[error(
        "the method has no trainable parameter: build it on an autodiff device, `device.autodiff()`, and do not freeze all of it"
    )]
    NothingToTrain,
    /// A factor on the learning rate that cannot be one.
    #[error("a learning rate cannot be multiplied by {factor}; factors are finite and not negative")]
    RateFactor {
        /// The factor.
        factor: f64,
    },
    /// A decay of a moving average that is none.
    #[error("a moving average cannot have the decay {decay}: it is above 0 and below 1, such as 0.9999")]
    EmaDecay {
        /// The decay.
        decay: f64,
    },
    /// The factors on learning rates could not be made for the method.
    #[error("no factors on the learning rates: {source}")]
    RateFactors {
        /// What the function given to `Trainer::with_rate_factors` says.
        source: HookError,
    },
    /// A setting of an optimizer that it cannot work with.
    #[error("the optimizer's {name} {value} must be {must}")]
    OptimizerOption {
        /// The setting.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What would do.
        must: &'static str,
    },
    /// A name that no optimizer has.
    #[error("there is no optimizer `{name}`; use one of {}", known.join(", "))]
    UnknownOptimizer {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// A new run in the directory of another one.
    #[error(
        "{} already holds a run up to step {step}; resume it, choose another directory, or call `Checkpoints::overwrite`",
        dir.display()
    )]
    RunExists {
        /// The run directory.
        dir: PathBuf,
        /// Its highest step.
        step: u64,
    },
    /// A run in a directory that another run has.
    #[error(
        "{} is in use by {}; wait until it ends, stop it, or choose another directory",
        dir.display(), process.map_or("another process".to_owned(), |process| format!("process {process}"))
    )]
    RunInUse {
        /// The run directory.
        dir: PathBuf,
        /// Whose it is, where that can be told.
        process: Option<u32>,
    },
    /// A resume without `Trainer::with_checkpoints`.
    #[error("nothing to resume from: call `with_checkpoints` before `resume`")]
    NoCheckpoints,
    /// A resume where nothing readable lies.
    #[error("{} holds no readable checkpoint{}", dir.display(), reasons(skipped))]
    NoCheckpoint {
        /// The run directory.
        dir: PathBuf,
        /// The checkpoints found there and why each cannot be read.
        skipped: Vec<String>,
    },
    /// A checkpoint of a run with another configuration.
    #[error("{} was written with another configuration: {}", path.display(), differences.join("; "))]
    ConfigDiffers {
        /// The checkpoint.
        path: PathBuf,
        /// Key by key: what the checkpoint has and what this run has.
        differences: Vec<String>,
    },
    /// A checkpoint of a run with another seed.
    #[error("{} was written with seed {saved}, this run has seed {ours}", path.display())]
    SeedDiffers {
        /// The checkpoint.
        path: PathBuf,
        /// Its seed.
        saved: u64,
        /// The seed of this run.
        ours: u64,
    },
    /// A checkpoint of another model.
    #[error("{} holds another model: {}", path.display(), first_few(problems))]
    OtherModel {
        /// The checkpoint.
        path: PathBuf,
        /// Every parameter that is missing, unknown or of another shape.
        problems: Vec<String>,
    },
    /// Optimizer state that does not belong to the parameters of the model.
    #[error("{} holds the state of another optimizer: {}", path.display(), first_few(problems))]
    OtherOptimizer {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        problems: Vec<String>,
    },
    /// The source does not know the stored position.
    #[error("{}: the source cannot continue from the stored position: {source}", path.display())]
    Position {
        /// The checkpoint.
        path: PathBuf,
        /// The source's own error.
        source: SourceError,
    },
    /// A hook gave up.
    #[error("step {step}: a hook failed: {source}")]
    Hook {
        /// The step it was told about.
        step: u64,
        /// The hook's own error.
        source: HookError,
    },

    // The environment's fault.
    /// A file or directory could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A checkpoint that is incomplete, damaged, or of another format version.
    #[error("{} is not readable: {reason}", path.display())]
    Damaged {
        /// The checkpoint directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The device failed while numbers were read from it.
    #[error("cannot read from the device: {reason}")]
    Device {
        /// The backend's answer.
        reason: String,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl TrainError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| TrainError::Io { action, path, source }
    }

    /// A setting must be what `must` says.
    pub(crate) fn check_option(name: &'static str, value: f64, fits: bool, must: &'static str) -> Result<(), Self> {
        // The optimizers compute in f32.
        if fits && (value as f32).is_finite() { Ok(()) } else { Err(TrainError::OptimizerOption { name, value, must }) }
    }

    /// A setting must be a positive number in f32, which it becomes.
    pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<(), Self> {
        Self::check_option(name, value, is_positive(value), "a positive number that f32 can hold")
    }

    /// The decay of a moving average leaves something of it and takes something in.
    pub(crate) fn check_beta(name: &'static str, value: f64) -> Result<(), Self> {
        Self::check_option(name, value, (0.0..1.0).contains(&(value as f32)), "in [0, 1) in f32")
    }

    /// A weight decay takes nothing or something.
    pub(crate) fn check_decay(value: f64) -> Result<(), Self> {
        Self::check_option("weight_decay", value, value >= 0.0, "0 or more, and finite in f32")
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        TrainError::Damaged { path: path.to_path_buf(), reason: reason.into() }
    }
}

/// A model has hundreds of parameters; the first few tell what went wrong.
fn first_few(problems: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = problems.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    match problems.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// What fits the fault: a run diverges, or a batch or a loss is spoilt from one step to the next.
fn advice(numbers: &StepNumbers) -> &'static str {
    if numbers.loss.is_finite() && numbers.grad_norm.is_finite() {
        "The gradient is too large to square: clip it with `max_norm`, or start again with a lower learning rate"
    } else if numbers.loss.is_finite() {
        "The loss is finite and its gradient is not: look for a root or a logarithm of 0 in the loss, or start again with a lower \
         learning rate; `NonFinite::Skip` accepts a few such steps"
    } else {
        "Start again with a lower learning rate, look at this step's batch, or resume and accept a few such steps with \
         `NonFinite::Skip`"
    }
}

fn reasons(skipped: &[String]) -> String {
    if skipped.is_empty() { String::new() } else { format!(" ({})", skipped.join("; ")) }
}

/// Whether a number is positive and finite as an f32, which it becomes.
pub(crate) fn is_positive(value: f64) -> bool {
    let single = value as f32;
    single > 0.0 && single.is_finite()
}
