use burn::tensor::Device;

use crate::error::is_positive;
use crate::{NonFinite, TrainError};

/// Settings of a run that are no object of their own.
#[derive(Debug, Clone)]
pub struct TrainerOptions {
    /// Where batches are put; autodiff is switched on.
    pub device: Device,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// Seed of the run: dropout and friends at a step are a function of it and the step.
    pub seed: u64,
    /// Largest joint norm of all gradients; `None` measures it without clipping.
    pub max_norm: Option<f64>,
    /// Largest magnitude that a batch may hold, where the method says which it has
    /// ([`Method::largest_input`](vlp_core::Method::largest_input)): 10,000, unless set otherwise.
    pub max_input: f32,
    /// What to do about a loss or gradient that is infinite or not a number.
    pub non_finite: NonFinite,
}

impl TrainerOptions {
    /// `total_steps` steps on `device` with seed 0, no clipping, stopping at the first non-finite step.
    pub fn new(device: &Device, total_steps: u64) -> Self {
        TrainerOptions {
            device: device.clone().autodiff(),
            total_steps,
            seed: 0,
            max_norm: None,
            max_input: 1e4,
            non_finite: NonFinite::Stop,
        }
    }

    /// Another seed.
    pub fn with_seed(self, seed: u64) -> Self {
        TrainerOptions { seed, ..self }
    }

    /// Clips the joint norm of all gradients to `max_norm`, a positive number.
    pub fn with_max_norm(self, max_norm: f64) -> Self {
        TrainerOptions { max_norm: Some(max_norm), ..self }
    }

    /// Another bound on what a batch may hold.
    pub fn with_max_input(self, max_input: f32) -> Self {
        TrainerOptions { max_input, ..self }
    }

    /// Another answer to non-finite steps.
    pub fn with_non_finite(self, non_finite: NonFinite) -> Self {
        TrainerOptions { non_finite, ..self }
    }

    /// Refuses what no run can have.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let refuse = |name, value, must| Err(TrainError::Option { name, value, must });
        match self.max_norm {
            // Infinite: measured, not clipped.
            Some(norm) if !(is_positive(norm) || norm == f64::INFINITY) => {
                refuse("max_norm", norm, "a positive number that f32 can hold, or none")
            }
            _ if self.max_input.is_nan() || self.max_input <= 0.0 => {
                refuse("max_input", self.max_input.into(), "a positive number")
            }
            _ => Ok(()),
        }
    }
}
