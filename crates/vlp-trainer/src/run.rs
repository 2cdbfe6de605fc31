use std::path::PathBuf;

use serde_json::{Map, Value};
use vlp_core::{BatchSource, Method, StepContext};
use vlp_schedulers::Schedule;

use crate::checkpoint::State;
use crate::ema::Average;
use crate::report::Clock;
use crate::step::{StepSettings, Taken, take_step};
use crate::trainer::Resumed;
use crate::{
    Checkpoint, Checkpoints, Control, Event, Hook, Optimizer, Outcome, RateFactors, StepReport, Stop, TrainError,
    Trained, TrainerOptions,
};

/// A run in progress: everything but the method, which the loop owns because an update consumes it.
pub(crate) struct Run<M: Method, S> {
    pub(crate) source: S,
    pub(crate) optimizer: Optimizer,
    /// Of the parameters, for evaluation.
    pub(crate) average: Option<Average<M>>,
    pub(crate) schedule: Box<dyn Schedule>,
    pub(crate) factors: RateFactors,
    pub(crate) options: TrainerOptions,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) hooks: Vec<Box<dyn Hook<M>>>,
    pub(crate) stop: Stop,
    /// Steps taken.
    pub(crate) step: u64,
    pub(crate) skipped: u64,
    /// Updates of this process.
    pub(crate) updates: u64,
    /// Of the source after the last step that counts.
    pub(crate) position: Value,
    pub(crate) last_saved: Option<PathBuf>,
    pub(crate) resumed: Option<Resumed>,
    pub(crate) clock: Clock,
}

impl<M: Method, S: BatchSource<Batch = M::Batch>> Run<M, S> {
    pub(crate) fn fit(mut self, mut method: M, warnings: &[String]) -> Result<Trained<M>, TrainError> {
        let (first, total_steps) = (self.step, self.options.total_steps);
        if let Some(Resumed { checkpoint, passed_over }) = self.resumed.take() {
            self.tell(&Event::Resumed { step: first, path: checkpoint.path(), passed_over: &passed_over })?;
        }
        self.warn(warnings)?;
        let mut control = self.tell(&Event::Start { step: first, total_steps, method: &method });
        while let Ok(Control::Continue) = control {
            if self.step >= total_steps || self.stop.is_requested() {
                break;
            }
            let taken;
            (method, taken) = self.advance(method);
            control = taken.and_then(|report| self.tell_step(&report, &method));
            if control.is_ok() && self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.due(self.step)) {
                control = self.save(&method).and(control);
            }
        }
        // A stop request has ended the wait for a batch.
        if matches!(control, Err(TrainError::Source { .. })) && self.stop.is_requested() {
            control = Ok(Control::Stop);
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
        Ok(Trained { method, average: self.average.map(|average| average.method), outcome })
    }

    /// One step; on an error neither the method nor anything that a checkpoint stores has changed.
    fn advance(&mut self, method: M) -> (M, Result<StepReport, TrainError>) {
        let TrainerOptions { seed, total_steps, max_norm, max_input, .. } = self.options;
        let step = self.step;
        let lr = match self.rate() {
            Ok(lr) => lr,
            Err(error) => return (method, Err(error)),
        };
        self.clock.begin_step();
        let batch = match self.source.next_batch(&self.options.device) {
            Ok(batch) => batch,
            Err(source) => return (method, Err(TrainError::Source { step, source })),
        };
        self.clock.got_batch();
        let ctx = StepContext::new(seed, step, total_steps);
        let settings = StepSettings {
            rates: self.factors.at(lr),
            max_norm,
            max_input,
            // Numbers that no schedule gives spoil the first update already.
            check_update: self.updates == 0,
            device: &self.options.device,
        };
        let (method, taken) = take_step(method, &mut self.optimizer, batch, &ctx, settings);
        (method, taken.and_then(|taken| self.count(taken, lr)))
    }

    /// The rates of this step; refused before anything is computed if no update can be made with them.
    fn rate(&self) -> Result<f64, TrainError> {
        let (step, lr) = (self.step, self.schedule.at(self.step));
        self.factors.check(step, lr)?;
        self.optimizer.check_decay(step)?;
        Ok(lr)
    }

    fn count(&mut self, taken: Taken, lr: f64) -> Result<StepReport, TrainError> {
        let Taken { numbers, samples, rejected } = taken;
        let (step, total_steps) = (self.step, self.options.total_steps);
        let updated = rejected.is_none();
        if let Some(rejected) = rejected {
            self.skipped = self.options.non_finite.skip(step, numbers.clone(), rejected, self.skipped)?;
        }
        self.updates += u64::from(updated);
        self.step += 1;
        self.position = self.source.position();
        let pace = self.clock.end_step(samples, total_steps.saturating_sub(self.step));
        let (skipped, tallies) = (self.skipped, self.source.tallies());
        Ok(StepReport { step, total_steps, numbers, updated, skipped, lr, samples, pace, tallies })
    }

    fn tell_step(&mut self, report: &StepReport, method: &M) -> Result<Control, TrainError> {
        if report.updated {
            let updates = report.step + 1 - report.skipped;
            self.average = self.average.take().map(|average| average.follow(method, updates));
        }
        // The hooks are told by `self`, which the average must not be borrowed from meanwhile.
        let average = self.average.take();
        let told = self.tell(&Event::Step { report, method, average: average.as_ref().map(|average| &average.method) });
        self.average = average;
        told
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
        let average = self.average.as_ref().map(|average| &average.method);
        let state = State {
            step: self.step,
            seed: self.options.seed,
            skipped: self.skipped,
            position: self.position.clone(),
            tallies,
            without_optimizer_state: Vec::new(),
        };
        let (path, replaced) =
            Checkpoint::write(&checkpoints.dir, &checkpoints.config, (method, average), &self.optimizer.inner, state)?;
        let warnings = checkpoints.saved(self.step, replaced);
        self.last_saved = Some(path.clone());
        self.tell(&Event::Saved { step: self.step, path: &path })?;
        self.warn(&warnings)
    }

    fn warn(&mut self, warnings: &[String]) -> Result<(), TrainError> {
        let step = self.step;
        warnings.iter().try_for_each(|text| self.tell(&Event::Warning { step, text }).map(drop))
    }
}
