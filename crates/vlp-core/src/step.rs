use burn::tensor::{Device, Tensor};

use crate::{Collective, Single, mix};

/// What one training step knows besides its batch.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// This step, from 0.
    pub step: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// The ranks that take this step together.
    pub collective: &'a dyn Collective,
}

impl StepContext<'static> {
    /// A step of a run with one rank.
    pub fn new(seed: u64, step: u64, total_steps: u64) -> Self {
        StepContext { seed, step, total_steps, collective: &Single }
    }
}

impl<'a> StepContext<'a> {
    /// The same step taken together with other ranks.
    pub fn with_collective(self, collective: &'a dyn Collective) -> Self {
        StepContext { collective, ..self }
    }

    /// Seeds the device's generator with a function of (seed, step), so that dropout is the same after a resume.
    pub fn seed_device(&self, device: &Device) {
        device.seed(mix(self.seed, self.step));
    }
}

/// What an objective returns: the scalar to minimise and what it is made of.
#[derive(Debug, Clone)]
pub struct StepOutput {
    /// The scalar to minimise, `[1]`.
    pub loss: Tensor<1>,
    /// Parts and measures by name, each `[1]` and without gradient, still on the device.
    pub terms: Vec<(&'static str, Tensor<1>)>,
}

impl StepOutput {
    /// A loss without named parts.
    pub fn new(loss: Tensor<1>) -> Self {
        StepOutput { loss, terms: Vec::new() }
    }

    /// Adds a named part; its history is cut, so that keeping it costs no memory.
    pub fn with_term(mut self, name: &'static str, value: Tensor<1>) -> Self {
        self.terms.push((name, value.detach()));
        self
    }
}
