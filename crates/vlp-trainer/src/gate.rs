use std::fmt;

use burn::tensor::{Tensor, TensorData, Transaction};
use vlp_core::StepOutput;

use crate::TrainError;
use crate::step::Rejected;

/// What to do with a step whose loss, gradient norm or buffers are infinite or not a number, or whose batch holds what no input
/// can be. Its update is never applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NonFinite {
    /// End the run with an error that names the step and what it computed.
    #[default]
    Stop,
    /// Leave the step out and count it; the count is part of the checkpoint.
    Skip {
        /// Skipped steps that the whole run may have.
        at_most: u64,
    },
}

impl NonFinite {
    /// Counts a step that left no trace, or ends the run with the reason; returns how many there are now.
    pub(crate) fn skip(
        self,
        step: u64,
        numbers: StepNumbers,
        rejected: Rejected,
        skipped: u64,
    ) -> Result<u64, TrainError> {
        let skipped = skipped + 1;
        match self {
            NonFinite::Stop => Err(match rejected {
                Rejected::Input { largest, at_most } => TrainError::Input { step, largest, at_most },
                Rejected::Numbers => TrainError::NonFinite { step, numbers },
                Rejected::Buffer(name) => TrainError::Buffer { step, name },
            }),
            NonFinite::Skip { at_most } if skipped > at_most => {
                Err(TrainError::TooManySkipped { step, numbers, skipped, at_most })
            }
            NonFinite::Skip { .. } => Ok(skipped),
        }
    }
}

/// The scalars of one step, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct StepNumbers {
    /// The loss that was minimised.
    pub loss: f32,
    /// Euclidean norm of all gradients together, before clipping.
    pub grad_norm: f32,
    /// The named parts and measures of the objective.
    pub terms: Vec<(&'static str, f32)>,
}

impl StepNumbers {
    /// Brings loss, terms and gradient norm to the host in one transfer; waits for the device.
    ///
    /// # Errors
    /// [`TrainError::Device`] when the device failed since the last transfer.
    pub fn read(output: &StepOutput, grad_norm: Tensor<1>) -> Result<Self, TrainError> {
        Self::read_with(output, grad_norm, Vec::new()).map(|(numbers, _)| numbers)
    }

    /// The same with further scalars in the same transfer.
    pub(crate) fn read_with(
        output: &StepOutput,
        grad_norm: Tensor<1>,
        more: Vec<Tensor<1>>,
    ) -> Result<(Self, Vec<f32>), TrainError> {
        let more_scalars = more.len();
        let mut transaction =
            Transaction::default().register(grad_norm).register(output.loss.clone().without_autodiff());
        for (_, term) in &output.terms {
            transaction = transaction.register(term.clone().without_autodiff());
        }
        for scalar in more {
            transaction = transaction.register(scalar);
        }
        let data = transaction.try_execute().map_err(|error| TrainError::Device { reason: format!("{error:?}") })?;
        let mut scalars = data.into_iter().map(scalar);
        let mut next = || scalars.next().unwrap_or(Ok(f32::NAN));
        let (grad_norm, loss) = (next()?, next()?);
        let terms = output.terms.iter().map(|(name, _)| Ok((*name, next()?))).collect::<Result<_, TrainError>>()?;
        let more = (0..more_scalars).map(|_| next()).collect::<Result<_, TrainError>>()?;
        Ok((StepNumbers { loss, grad_norm, terms }, more))
    }
}

fn scalar(data: TensorData) -> Result<f32, TrainError> {
    let values: Vec<f32> =
        data.try_into_vec_as().map_err(|error| TrainError::Device { reason: format!("{error:?}") })?;
    match values[..] {
        [value] => Ok(value),
        _ => panic!("losses and terms are scalars of shape [1], not {} values", values.len()),
    }
}

impl fmt::Display for StepNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {}, gradient norm {}", self.loss, self.grad_norm)?;
        self.terms.iter().try_for_each(|(name, value)| write!(f, ", {name} {value}"))
    }
}

/// Lets a step pass whose loss and gradient norm are finite. Ask before the optimizer: where any gradient is NaN or infinite, the
/// update makes parameters NaN, or leaves them as they are and spoils the optimizer's state. Rates and decays that are made by
/// hand pass [`check_rate`].
///
/// # Errors
/// [`TrainError::NonFinite`] otherwise.
pub fn gate(step: u64, numbers: &StepNumbers) -> Result<(), TrainError> {
    if numbers.loss.is_finite() && numbers.grad_norm.is_finite() {
        Ok(())
    } else {
        Err(TrainError::NonFinite { step, numbers: numbers.clone() })
    }
}

/// Lets a learning rate, a decay or another number of an update pass that is finite as an f32, which it becomes.
///
/// # Errors
/// [`TrainError::Rate`] otherwise; `name` says what it is.
pub fn check_rate(step: u64, name: &'static str, value: f64) -> Result<f64, TrainError> {
    if (value as f32).is_finite() { Ok(value) } else { Err(TrainError::Rate { step, name, value }) }
}
