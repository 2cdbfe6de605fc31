use std::fmt;

use burn::tensor::{Tensor, TensorData, Transaction};
use vlp_core::StepOutput;

use crate::TrainError;

/// What to do with a step whose loss or gradient norm is infinite or not a number. Its update is never applied.
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
        let mut transaction =
            Transaction::default().register(grad_norm).register(output.loss.clone().without_autodiff());
        for (_, term) in &output.terms {
            transaction = transaction.register(term.clone().without_autodiff());
        }
        let data = transaction.try_execute().map_err(|error| TrainError::Device { reason: format!("{error:?}") })?;
        let mut scalars = data.into_iter().map(scalar);
        let mut next = || scalars.next().unwrap_or(Ok(f32::NAN));
        let (grad_norm, loss) = (next()?, next()?);
        let terms = output.terms.iter().map(|(name, _)| Ok((*name, next()?))).collect::<Result<_, TrainError>>()?;
        Ok(StepNumbers { loss, grad_norm, terms })
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

/// Lets a step pass whose loss and gradient norm are finite. Ask before the optimizer: one non-finite gradient makes every
/// parameter non-finite.
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
