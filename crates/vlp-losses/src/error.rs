/// What can be wrong with a loss before it exists, and with what it is given.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LossError {
    /// Caller: label smoothing outside `[0, 1)`.
    #[error("label smoothing {0} is not in [0, 1); 0 turns it off, CLIP-rocket uses 0.1")]
    LabelSmoothing(f64),
    /// Caller: a temperature that no scale can be made of.
    #[error("temperature {0} must be a positive number; CLIP starts at 0.07")]
    Temperature(f64),
    /// Caller: Sinkhorn without iterations.
    #[error("{0} Sinkhorn iterations leave the scores as they are; SwAV uses 3")]
    SinkhornIterations(usize),
    /// Caller: a weight or constant that must be a number and not negative.
    #[error("{name} {value} must be a number that is not negative; the default is {default}")]
    Coefficient {
        /// The field of the configuration.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it is by default.
        default: f64,
    },
    /// Caller: a constant that must be positive.
    #[error("{name} {value} must be a positive number; the default is {default}")]
    NotPositive {
        /// The field of the configuration.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it is by default.
        default: f64,
    },
    /// Caller: a bias that is no number.
    #[error("the logit bias starts at {0}, which is no finite number; SigLIP starts at -10")]
    Bias(f64),
    /// Caller: a layer of prototypes without any, or without width.
    #[error("{prototypes} prototypes of width {dim} score nothing; SwAV has 3000 of width 128")]
    PrototypesSize {
        /// How many were asked for.
        prototypes: usize,
        /// Their width.
        dim: usize,
    },
    /// Caller: a queue that can keep nothing.
    #[error(
        "a queue of {views} views of {length} features of width {dim} keeps nothing; SwAV has 2 of 3840 of width 128"
    )]
    QueueSize {
        /// How many views were asked for.
        views: usize,
        /// How many features of each.
        length: usize,
        /// Their width.
        dim: usize,
    },
    /// Caller: a weight that is no number.
    #[error("{name} {value} must be a finite number; the default is {default}")]
    NotFinite {
        /// The field of the configuration.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it is by default.
        default: f64,
    },
    /// Caller: a moving average that would not move between what it averages.
    #[error("the centre's momentum {0} is not in [0, 1]; DINO uses 0.9")]
    CenterMomentum(f64),
    /// Data: rows that hold a NaN or an infinity.
    #[error("{name}: {bad} of {rows} rows hold a NaN or an infinity, the first is row {first}")]
    NonFiniteRows {
        /// What the tensor was called.
        name: String,
        /// How many rows are not finite.
        bad: usize,
        /// How many rows there are.
        rows: usize,
        /// The first that is not finite, from 0.
        first: usize,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for LossError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl LossError {
    /// A temperature must be a positive number.
    pub(crate) fn check_temperature(value: f64) -> Result<(), LossError> {
        // In f32, as logits are.
        let single = value as f32;
        if single.is_finite() && single > 0.0 { Ok(()) } else { Err(LossError::Temperature(value)) }
    }

    /// A coefficient must be a number that is not negative.
    pub(crate) fn check_coefficient(name: &'static str, value: f64, default: f64) -> Result<(), LossError> {
        if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(LossError::Coefficient { name, value, default }) }
    }

    /// A constant must be a positive number.
    pub(crate) fn check_positive(name: &'static str, value: f64, default: f64) -> Result<(), LossError> {
        if value.is_finite() && value > 0.0 { Ok(()) } else { Err(LossError::NotPositive { name, value, default }) }
    }

    /// A weight of either sign must be a finite number.
    pub(crate) fn check_finite(name: &'static str, value: f64, default: f64) -> Result<(), LossError> {
        if value.is_finite() { Ok(()) } else { Err(LossError::NotFinite { name, value, default }) }
    }
}
