use std::fmt;
use std::path::PathBuf;

use vlp_core::{BatchSource, Method};
use vlp_schedulers::Schedule;

use crate::buffers::settle;
use crate::ema::{self, Average};
use crate::report::Clock;
use crate::run::Run;
use crate::{
    Checkpoint, Checkpoints, Hook, HookError, Optimizer, RateFactors, Stop, TrainError, TrainerOptions, params,
};

type BuildOptimizer<M> = Box<dyn Fn(&M) -> Optimizer>;
type BuildFactors<M> = Box<dyn Fn(&M) -> Result<RateFactors, HookError>>;

/// Trains any [`Method`] on any [`BatchSource`].
pub struct Trainer<M: Method, S: BatchSource<Batch = M::Batch>> {
    method: M,
    source: S,
    optimizer: Option<Optimizer>,
    build_optimizer: BuildOptimizer<M>,
    build_factors: BuildFactors<M>,
    schedule: Box<dyn Schedule>,
    options: TrainerOptions,
    ema: Option<f64>,
    average: Option<Average<M>>,
    checkpoints: Option<Checkpoints>,
    hooks: Vec<Box<dyn Hook<M>>>,
    stop: Stop,
    step: u64,
    skipped: u64,
    resumed: Option<Resumed>,
}

/// Where a run continues.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) checkpoint: Checkpoint,
    /// Why newer ones cannot be read.
    pub(crate) passed_over: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were taken.
    Finished {
        /// The last checkpoint, when the run keeps any.
        checkpoint: Option<PathBuf>,
    },
    /// A stop request or a hook ended it early.
    Stopped {
        /// Steps taken.
        step: u64,
        /// The last checkpoint, when the run keeps any.
        checkpoint: Option<PathBuf>,
    },
}

/// What [`Trainer::fit`] gives back.
#[derive(Debug)]
pub struct Trained<M> {
    /// The trained method.
    pub method: M,
    /// The moving average of its parameters, where [`Trainer::with_ema`] asked for one.
    pub average: Option<M>,
    /// How the run ended.
    pub outcome: Outcome,
}

impl<M: Method, S: BatchSource<Batch = M::Batch>> Trainer<M, S> {
    /// A run of `method` over `source`.
    ///
    /// `optimizer` builds the optimizer for a method, [`adamw`](crate::adamw) for example. It is called once, after a
    /// checkpoint was loaded when there is one, because optimizers tell parameters apart by ids and a checkpoint brings
    /// its own. `schedule` gives the learning rate of each step.
    ///
    /// Parameters that burn initialises lazily get their values here at the latest: seed the device before.
    pub fn new<O: Into<Optimizer>>(
        method: M,
        source: S,
        optimizer: impl Fn(&M) -> O + 'static,
        schedule: impl Schedule + 'static,
        options: TrainerOptions,
    ) -> Self {
        settle(&method);
        Trainer {
            method,
            source,
            optimizer: None,
            build_optimizer: Box::new(move |method| optimizer(method).into()),
            build_factors: Box::new(|_| Ok(RateFactors::default())),
            schedule: Box::new(schedule),
            options,
            ema: None,
            average: None,
            checkpoints: None,
            hooks: Vec::new(),
            stop: Stop::new(),
            step: 0,
            skipped: 0,
            resumed: None,
        }
    }

    /// Saves checkpoints; without this a run keeps none.
    pub fn with_checkpoints(self, checkpoints: Checkpoints) -> Self {
        Trainer { checkpoints: Some(checkpoints), ..self }
    }

    /// Multiplies the learning rate of some parameters. `factors` is called once, after a checkpoint was loaded when there
    /// is one, like the function that builds the optimizer. Checkpoints do not store factors: name what they come from in
    /// the run's configuration.
    pub fn with_rate_factors(self, factors: impl Fn(&M) -> Result<RateFactors, HookError> + 'static) -> Self {
        Trainer { build_factors: Box::new(factors), ..self }
    }

    /// Keeps a moving average of the parameters with this decay, for evaluation: [`Event::Step`](crate::Event::Step) and
    /// [`Trained`] hold it, checkpoints save it. After `n` updates the decay is at most `(1 + n) / (10 + n)`.
    pub fn with_ema(self, decay: f64) -> Self {
        Trainer { ema: Some(decay), ..self }
    }

    /// Adds a hook; hooks are told in the order they were added.
    pub fn with_hook(mut self, hook: impl Hook<M> + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Ends the run after the step in progress once `stop` is requested.
    pub fn with_stop(self, stop: Stop) -> Self {
        Trainer { stop, ..self }
    }

    /// What will be trained.
    pub fn method(&self) -> &M {
        &self.method
    }

    /// Continues from the newest readable checkpoint; [`Event::Resumed`](crate::Event::Resumed) says which, and what is wrong
    /// with newer ones.
    ///
    /// On the CPU backend the run then equals one that was never interrupted, bit for bit: losses, parameters, optimizer
    /// state and order of samples.
    ///
    /// # Errors
    /// [`TrainError::NoCheckpoint`] when there is none, and what names the difference when it is of a run with another
    /// configuration, seed, model or optimizer.
    pub fn resume(mut self) -> Result<Self, TrainError> {
        let checkpoints = self.checkpoints.as_mut().ok_or(TrainError::NoCheckpoints)?;
        let (checkpoint, passed_over) = checkpoints.newest()?;
        self.resume_from(checkpoint, passed_over)
    }

    /// Continues from a checkpoint of this run's directory that was opened before; `passed_over` says what is wrong with newer
    /// ones, as [`Checkpoint::latest`] does.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn resume_from(mut self, checkpoint: Checkpoint, passed_over: Vec<String>) -> Result<Self, TrainError> {
        let checkpoints = self.checkpoints.as_ref().ok_or(TrainError::NoCheckpoints)?;
        checkpoint.check_config(&checkpoints.config)?;
        let state = checkpoint.state()?;
        if state.seed != self.options.seed {
            let path = checkpoint.path().to_path_buf();
            return Err(TrainError::SeedDiffers { path, saved: state.seed, ours: self.options.seed });
        }
        self.method = checkpoint.load_model(self.method)?;
        let Optimizer { inner, decay } = (self.build_optimizer)(&self.method);
        self.optimizer = Some(Optimizer { inner: checkpoint.load_optimizer(inner, &self.method)?, decay });
        if let Some(decay) = self.ema {
            self.average = Some(Average::resumed(checkpoint.load_average(self.method.clone())?, decay));
        }
        self.source
            .seek(&state.position)
            .map_err(|source| TrainError::Position { path: checkpoint.path().to_path_buf(), source })?;
        let tallies = state.tallies.iter().filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)));
        self.source.restore_tallies(&tallies.collect::<Vec<_>>());
        (self.step, self.skipped) = (state.step, state.skipped);
        self.resumed = Some(Resumed { checkpoint, passed_over });
        Ok(self)
    }

    /// Trains until all steps are taken or someone asks to stop, and saves at the end in either case.
    ///
    /// # Errors
    /// [`TrainError`]; the steps taken until then are saved first, without the one that failed.
    pub fn fit(mut self) -> Result<Trained<M>, TrainError> {
        self.options.check()?;
        self.ema.map_or(Ok(()), ema::check)?;
        if !params::list(&self.method).iter().any(|param| param.trainable) {
            return Err(TrainError::NothingToTrain);
        }
        let factors = (self.build_factors)(&self.method).map_err(|source| TrainError::RateFactors { source })?;
        let resumed_at = self.resumed.as_ref().map(|resumed| resumed.checkpoint.step());
        let warnings = match &mut self.checkpoints {
            Some(checkpoints) => checkpoints.prepare(resumed_at)?,
            None => Vec::new(),
        };
        self.source.interrupt_by(self.stop.flag());
        let optimizer = match self.optimizer.take() {
            Some(optimizer) => optimizer,
            None => (self.build_optimizer)(&self.method),
        };
        let average = match (self.ema, self.average.take()) {
            (Some(decay), None) => Some(Average::of(&self.method, decay)),
            (_, average) => average,
        };
        let run = Run {
            average,
            position: self.source.position(),
            source: self.source,
            optimizer,
            schedule: self.schedule,
            factors,
            options: self.options,
            last_saved: self.resumed.as_ref().map(|resumed| resumed.checkpoint.path().to_path_buf()),
            resumed: self.resumed,
            checkpoints: self.checkpoints,
            hooks: self.hooks,
            stop: self.stop,
            step: self.step,
            skipped: self.skipped,
            updates: 0,
            clock: Clock::new(),
        };
        run.fit(self.method, &warnings)
    }
}

impl<M: Method, S: BatchSource<Batch = M::Batch>> fmt::Debug for Trainer<M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("options", &self.options)
            .field("checkpoints", &self.checkpoints)
            .field("step", &self.step)
            .field("skipped", &self.skipped)
            .field("hooks", &self.hooks.len())
            .finish_non_exhaustive()
    }
}
