use burn::tensor::Device;

use crate::NonFinite;

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
            non_finite: NonFinite::Stop,
        }
    }

    /// Another seed.
    pub fn with_seed(self, seed: u64) -> Self {
        TrainerOptions { seed, ..self }
    }

    /// Clips the joint norm of all gradients to `max_norm`.
    pub fn with_max_norm(self, max_norm: f64) -> Self {
        TrainerOptions { max_norm: Some(max_norm), ..self }
    }

    /// Another answer to non-finite steps.
    pub fn with_non_finite(self, non_finite: NonFinite) -> Self {
        TrainerOptions { non_finite, ..self }
    }
}
