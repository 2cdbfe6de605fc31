use std::path::PathBuf;

use serde_json::{Map, Value};
use vlp_core::{BatchSource, Method, StepContext};
use vlp_schedulers::Schedule;

use crate::checkpoint::State;
use crate::report::Clock;
use crate::step::{Taken, take_step};
use crate::{
    Checkpoint, Checkpoints, Control, Event, Hook, NonFinite, Optimizer, Outcome, RateFactors, StepReport, Stop,
    TrainError, Trained, TrainerOptions,
};

/// A run in progress: everything but the method, which the loop owns because an update consumes it.
pub(crate) struct Run<M: Method, S> {
    pub(crate) source: S,
    pub(crate) optimizer: Optimizer,
    pub(crate) schedule: Box<dyn Schedule>,
    pub(crate) factors: RateFactors,
    pub(crate) options: TrainerOptions,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) hooks: Vec<Box<dyn Hook<M>>>,
    pub(crate) stop: Stop,
    /// Steps taken.
    pub(crate) step: u64,
    pub(crate) skipped: u64,
    /// Of the source after the last step that counts.
    pub(crate) position: Value,
    pub(crate) last_saved: Option<PathBuf>,
    pub(crate) clock: Clock,
}

impl<M: Method, S: BatchSource<Batch = M::Batch>> Run<M, S> {
    pub(crate) fn fit(mut self, mut method: M) -> Result<Trained<M>, TrainError> {
        let (first, total_steps) = (self.step, self.options.total_steps);
        let mut control = self.tell(&Event::Start { step: first, total_steps, method: &method });
        while let Ok(Control::Continue) = control {
            if self.step >= total_steps || self.stop.is_requested() {
                break;
            }
            let taken;
            (method, taken) = self.advance(method);
            control = taken.and_then(|report| self.tell(&Event::Step { report: &report, method: &method }));
            if control.is_ok() && self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.due(self.step)) {
                control = self.save(&method).and(control);
            }
        }
        if let Err(error) = control {
            // Best effort: what the run learnt so far is worth more than a second error. Nothing was learnt at step 0.
            if self.step > first {
                let _ = self.save(&method);
            }
            return Err(error);
        }
        self.save(&method)?;
        let (step, checkpoint) = (self.step, self.last_saved.clone());
        let finished = step >= total_steps;
        let outcome = if finished { Outcome::Finished { checkpoint } } else { Outcome::Stopped { step, checkpoint } };
        self.tell(&Event::End { outcome: &outcome, method: &method })?;
        Ok(Trained { method, outcome })
    }

    /// One step; on an error neither the method nor anything that a checkpoint stores has changed.
    fn advance(&mut self, method: M) -> (M, Result<StepReport, TrainError>) {
        let TrainerOptions { seed, total_steps, max_norm, .. } = self.options;
        let step = self.step;
        self.clock.begin_step();
        let batch = match self.source.next_batch(&self.options.device) {
            Ok(batch) => batch,
            Err(source) => return (method, Err(TrainError::Source { step, source })),
        };
        self.clock.got_batch();
        let ctx = StepContext::new(seed, step, total_steps);
        let lr = self.schedule.at(step);
        let rates = self.factors.at(lr);
        let (method, taken) =
            take_step(method, &mut self.optimizer, batch, &ctx, (rates, max_norm), &self.options.device);
        (method, taken.and_then(|taken| self.count(taken, lr)))
    }

    fn count(&mut self, taken: Taken, lr: f64) -> Result<StepReport, TrainError> {
        let Taken { numbers, samples, updated } = taken;
        let (step, total_steps) = (self.step, self.options.total_steps);
        if !updated {
            let skipped = self.skipped + 1;
            match self.options.non_finite {
                NonFinite::Stop => return Err(TrainError::NonFinite { step, numbers }),
                NonFinite::Skip { at_most } if skipped > at_most => {
                    return Err(TrainError::TooManySkipped { step, numbers, skipped, at_most });
                }
                NonFinite::Skip { .. } => self.skipped = skipped,
            }
        }
        self.step += 1;
        self.position = self.source.position();
        let pace = self.clock.end_step(samples, total_steps.saturating_sub(self.step));
        let (skipped, tallies) = (self.skipped, self.source.tallies());
        Ok(StepReport { step, total_steps, numbers, updated, skipped, lr, samples, pace, tallies })
    }

    fn tell(&mut self, event: &Event<'_, M>) -> Result<Control, TrainError> {
        let mut control = Control::Continue;
        for hook in &mut self.hooks {
            match hook.on(event) {
                Ok(Control::Continue) => (),
                Ok(Control::Stop) => control = Control::Stop,
                Err(source) => return Err(TrainError::Hook { step: self.step, source }),
            }
        }
        Ok(control)
    }

    /// Saves, unless the run keeps no checkpoints or has just saved this step.
    fn save(&mut self, method: &M) -> Result<(), TrainError> {
        let Some(checkpoints) = self.checkpoints.as_mut().filter(|checkpoints| checkpoints.unsaved(self.step)) else {
            return Ok(());
        };
        let tallies: Map<String, Value> = self.source.tallies().into_iter().map(|(k, n)| (k, n.into())).collect();
        let state = State {
            step: self.step,
            seed: self.options.seed,
            skipped: self.skipped,
            position: self.position.clone(),
            tallies,
            without_optimizer_state: Vec::new(),
        };
        let path = Checkpoint::write(&checkpoints.dir, &checkpoints.config, method, &self.optimizer.inner, state)?;
        checkpoints.saved(self.step)?;
        self.last_saved = Some(path.clone());
        self.tell(&Event::Saved { step: self.step, path: &path }).map(drop)
    }
}
