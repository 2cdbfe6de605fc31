use vlp_encoders::EncoderError;
use vlp_losses::LossError;

use crate::StrongViews;

/// What can be wrong with a method before it exists.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// Caller: a head that cannot be built.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// Caller: a loss that cannot be built.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// Caller: a number of strong views that the method cannot work with.
    #[error("{method} needs {needed}, but views.strong is {given}: {reason}")]
    StrongViews {
        /// Name of the method.
        method: &'static str,
        /// How many there are.
        given: usize,
        /// How many there must be.
        needed: StrongViews,
        /// Why.
        reason: &'static str,
    },
    /// Caller: label smoothing where targets are assignments.
    #[error(
        "swalip was asked for label smoothing {0}, but its strong similarities are also predicted from balanced assignments, \
         which are soft already: set rocket.loss.label_smoothing to 0"
    )]
    Smoothing(f64),
    /// Caller: a moving average that leaves the line between what it averages.
    #[error("the teacher's momentum {0} is not in [0, 1]; BYOLIP uses 0.99 throughout, DINO 0.996 rising to 1")]
    Momentum(f64),
    /// Caller: a weight that must be a number and not negative.
    #[error("{method}'s weight {weight} must be a number that is not negative; the default is {default}")]
    Weight {
        /// Name of the method.
        method: &'static str,
        /// What it was.
        weight: f64,
        /// What it is by default.
        default: f64,
    },
    /// Caller: heads or prototypes that do not fit one another.
    #[error("{method}: {problem}")]
    Fit {
        /// Name of the method.
        method: &'static str,
        /// What does not fit, and what would.
        problem: String,
    },
    /// Caller: what a method or a loss of your own is wrong in.
    #[error("{0}")]
    Own(String),
    /// Caller: a name that no method has.
    #[error("there is no method `{name}`; use one of {}", known.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
}

/// The sentence: a `main` that returns the error prints it.
impl std::fmt::Debug for MethodError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl MethodError {
    /// A weight must be a number that is not negative.
    pub(crate) fn check_weight(method: &'static str, weight: f64, default: f64) -> Result<(), MethodError> {
        if weight.is_finite() && weight >= 0.0 { Ok(()) } else { Err(MethodError::Weight { method, weight, default }) }
    }
}
