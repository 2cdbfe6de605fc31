use std::fmt;

use burn::tensor::Tensor;
use vlp_core::{Features, Method, StepContext, StepOutput};
use vlp_schedulers::Schedule;

use crate::report::Clock;
use crate::step::{StepSettings, Taken, take_step_with};
use crate::{Optimizer, RateFactors, StepReport, TrainError, TrainerOptions, settle};

/// A method in training, one call a step, for loops written by hand.
///
/// It holds what a step needs: method, optimizer with its weight decay, schedule, rate factors, clipping and the gate.
/// [`step`](Self::step) takes a batch, [`step_with`](Self::step_with) your own way from a batch to a loss. The numbers are those of
/// [`Trainer`](crate::Trainer) with the same settings, to the bit.
pub struct Stepper<M: Method> {
    /// None only while a step has it.
    method: Option<M>,
    optimizer: Optimizer,
    schedule: Box<dyn Schedule>,
    factors: RateFactors,
    options: TrainerOptions,
    step: u64,
    skipped: u64,
    updates: u64,
    clock: Clock,
}

impl<M: Method> Stepper<M> {
    /// A method before its first step; `optimizer` builds the optimizer for it, `schedule` gives the learning rate of each step.
    ///
    /// Parameters that burn initialises lazily get their values here at the latest: seed the device before.
    pub fn new<O: Into<Optimizer>>(
        method: M,
        optimizer: impl FnOnce(&M) -> O,
        schedule: impl Schedule + 'static,
        options: TrainerOptions,
    ) -> Self {
        settle(&method);
        let optimizer = optimizer(&method).into();
        Stepper {
            method: Some(method),
            optimizer,
            schedule: Box::new(schedule),
            factors: RateFactors::default(),
            options,
            step: 0,
            skipped: 0,
            updates: 0,
            clock: Clock::new(),
        }
    }

    /// Multiplies the learning rate of some parameters.
    pub fn with_rate_factors(self, factors: RateFactors) -> Self {
        Stepper { factors, ..self }
    }

    /// One step: forward, backward, clip, gate, update, clamp.
    ///
    /// # Errors
    /// [`TrainError`], when a loss or a gradient is not finite for example. The method is then as it was before the step.
    pub fn step(&mut self, batch: M::Batch) -> Result<StepReport, TrainError> {
        let input = M::largest_input(&batch);
        self.take(input, |method, ctx| {
            let tensors = method.encode(batch, ctx).into_tensors();
            let samples = tensors.first().map_or(0, |rows| rows.dims()[0]);
            (method.objective(M::Features::from_tensors(tensors), ctx), samples)
        })
    }

    /// The same with `forward` in place of [`Method::encode`] and [`Method::objective`]: add a term, mask a part. It returns
    /// the output and the number of samples.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    ///
    /// # Panics
    /// Never by itself; a panic in `forward` leaves the stepper unusable.
    pub fn step_with(
        &mut self,
        forward: impl FnOnce(&M, &StepContext<'_>) -> (StepOutput, usize),
    ) -> Result<StepReport, TrainError> {
        self.take(None, forward)
    }

    fn take(
        &mut self,
        input: Option<Tensor<1>>,
        forward: impl FnOnce(&M, &StepContext<'_>) -> (StepOutput, usize),
    ) -> Result<StepReport, TrainError> {
        self.options.check()?;
        let TrainerOptions { seed, total_steps, max_norm, max_input, ref device, .. } = self.options;
        let (step, lr) = (self.step, self.schedule.at(self.step));
        self.factors.check(step, lr)?;
        self.optimizer.check_decay(step)?;
        let ctx = StepContext::new(seed, step, total_steps);
        self.clock.got_batch();
        // Numbers that no schedule gives spoil the first update already.
        let settings =
            StepSettings { rates: self.factors.at(lr), max_norm, max_input, check_update: self.updates == 0, device };
        let method = self.method.take().expect("a panic in an earlier step took the method along");
        let (method, taken) =
            take_step_with(method, &mut self.optimizer, input, &ctx, settings, |method| forward(method, &ctx));
        self.method = Some(method);
        let Taken { numbers, samples, rejected } = taken?;
        let updated = rejected.is_none();
        if let Some(rejected) = rejected {
            self.skipped = self.options.non_finite.skip(step, numbers.clone(), rejected, self.skipped)?;
        }
        self.updates += u64::from(updated);
        self.step += 1;
        let pace = self.clock.end_step(samples, total_steps.saturating_sub(self.step));
        self.clock.begin_step();
        let skipped = self.skipped;
        Ok(StepReport { step, total_steps, numbers, updated, skipped, lr, samples, pace, tallies: Vec::new() })
    }

    /// The method as it is now.
    ///
    /// # Panics
    /// After a panic in [`step_with`](Self::step_with)'s `forward`.
    pub fn method(&self) -> &M {
        self.method.as_ref().expect("a panic in an earlier step took the method along")
    }

    /// Gives the method away.
    ///
    /// # Panics
    /// As [`method`](Self::method).
    pub fn into_method(self) -> M {
        self.method.expect("a panic in an earlier step took the method along")
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Whether all steps of the run were taken.
    pub fn is_finished(&self) -> bool {
        self.step >= self.options.total_steps
    }
}

impl<M: Method> fmt::Debug for Stepper<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepper").field("step", &self.step).field("options", &self.options).finish_non_exhaustive()
    }
}
