//! The room where a recipe becomes a run: data, tokenizer, encoders, method, optimizer, loader, trainer, evaluation, wired once.
//!
//! | item | what it is |
//! |---|---|
//! | [`Run`] | a recipe with its data open: [`fit`](Run::fit), [`resume`](Run::resume), [`fork`](Run::fork), [`stepper`](Run::stepper) |
//! | [`Trained`] | what a run leaves: the method, its evaluation, the model to embed with |
//! | [`load`] | the newest checkpoint of a run's folder as [`Trained`] |
//! | [`Evaluation`] | the results, a table to print and pictures to look at |
//! | [`RunError`] | what can go wrong |
//!
//! ```no_run
//! use vlp::{device, recipe::Recipe, run::Run};
//!
//! fn main() -> Result<(), vlp::Error> {
//!     let run = Run::new(Recipe::quickstart(), &device::open("flex")?)?;
//!     let trained = run.fit("runs/quickstart")?;
//!     println!("{}", trained.evaluate()?);
//!     Ok(())
//! }
//! ```

mod build;
mod error;
mod evaluate;
mod evaluation;
mod folder;
mod memory;
mod options;
mod pictures;
mod same_model;
mod samples;
mod trained;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use vlp_data::{Dataset, PairSource, Tokenizer};
use vlp_encoders::{AnyImageEncoderConfig, ImageEncoderConfig, TextTransformer};
use vlp_methods::{AnyMethodConfig, MethodConfig};
use vlp_trainer::{Checkpoint, JsonLines, ProgressBar, RunFolder, Stepper, Stop, Trainer};

use crate::recipe::Recipe;

pub use error::RunError;
pub use evaluation::Evaluation;
pub use options::RunOptions;
pub use trained::{Trained, load, load_as};

/// The method that `M` describes, on an image encoder that `I` describes.
pub type MethodOf<M = AnyMethodConfig, I = AnyImageEncoderConfig> =
    <M as MethodConfig>::Method<<I as ImageEncoderConfig>::Encoder, TextTransformer>;

/// A recipe with its data and tokenizer open, checked, before its first step. Nothing is on disk yet.
pub struct Run<M: MethodConfig = AnyMethodConfig, I: ImageEncoderConfig = AnyImageEncoderConfig> {
    recipe: Recipe<M, I>,
    /// With autodiff.
    device: Device,
    train: Arc<Dataset>,
    /// Held-out training samples.
    validation: Option<Arc<Dataset>>,
    tokenizer: Arc<dyn Tokenizer>,
    options: RunOptions,
    /// Where it continues, and what was read there.
    resumed: Option<(PathBuf, Checkpoint, Vec<String>)>,
}

impl<M: MethodConfig, I: ImageEncoderConfig> Run<M, I> {
    /// Opens what a recipe names: data and tokenizer. Writes nothing.
    ///
    /// # Errors
    /// When the recipe is out of range or names no data, something cannot be read, tokenizer and text encoder disagree, a batch
    /// is larger than the data or than the machine's memory, or the device does not compute in the recipe's precision.
    pub fn new(recipe: Recipe<M, I>, device: &Device) -> Result<Self, RunError> {
        recipe.check()?;
        let (train, validation) = samples::open(&recipe.data)?;
        Self::assemble(recipe, train, validation, device)
    }

    /// The same on samples that the program opened itself, in place of those that the recipe names.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_data(recipe: Recipe<M, I>, train: Arc<Dataset>, device: &Device) -> Result<Self, RunError> {
        recipe.check()?;
        Self::assemble(recipe, train, None, device)
    }

    fn assemble(
        recipe: Recipe<M, I>,
        train: Arc<Dataset>,
        validation: Option<Arc<Dataset>>,
        device: &Device,
    ) -> Result<Self, RunError> {
        crate::device::check_precision(device, recipe.precision)?;
        if recipe.batch_size > train.len() {
            return Err(RunError::BatchTooLarge { batch_size: recipe.batch_size, samples: train.len() });
        }
        memory::check(&recipe, device)?;
        let tokenizer = build::tokenizer(&recipe.tokenizer, &recipe.text)?;
        let device = device.clone().autodiff();
        let options = RunOptions::default();
        Ok(Run { recipe, device, train, validation, tokenizer, options, resumed: None })
    }

    /// Settings that do not change what is learned: workers, messages, a stop from outside.
    pub fn with_options(self, options: RunOptions) -> Self {
        Run { options, ..self }
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe<M, I> {
        &self.recipe
    }

    /// The training samples.
    pub fn train(&self) -> &Arc<Dataset> {
        &self.train
    }

    /// What turns captions into ids.
    pub fn tokenizer(&self) -> &Arc<dyn Tokenizer> {
        &self.tokenizer
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> u64 {
        self.recipe.total_steps(self.train.len())
    }

    /// The method before its first step, its parameters drawn from the recipe's seed or read from where `init` says; locked
    /// and adapted as the recipe says.
    ///
    /// # Errors
    /// When a part cannot be built, or weights do not fit.
    pub fn method(&self) -> Result<MethodOf<M, I>, RunError> {
        build::method(&self.recipe, &self.device)
    }

    /// The stream of training batches.
    ///
    /// # Errors
    /// When a dictionary of synonyms is missing, or the loader cannot work with the data.
    pub fn source(&self) -> Result<PairSource, RunError> {
        build::source(&self.recipe, self.train.clone(), self.tokenizer.clone(), self.options.workers)
    }

    /// The trainer of this run: method, source, optimizer, schedule, clipping, rates by depth. It keeps no checkpoints and has
    /// no hooks; [`fit`](Self::fit) adds those.
    ///
    /// # Errors
    /// As [`method`](Self::method) and [`source`](Self::source).
    pub fn trainer(&self) -> Result<Trainer<MethodOf<M, I>, PairSource>, RunError> {
        self.trainer_from(self.method()?)
    }

    /// The same for a method that the program built or copied itself.
    ///
    /// # Errors
    /// As [`source`](Self::source), and when the schedule does not fit the run.
    pub fn trainer_from(&self, method: MethodOf<M, I>) -> Result<Trainer<MethodOf<M, I>, PairSource>, RunError> {
        build::trainer(&self.recipe, method, self.source()?, self.total_steps(), &self.device)
    }

    /// The run for a loop of your own: a [`Stepper`] that takes one step a call, and the batches for it.
    ///
    /// ```no_run
    /// use vlp::{core::BatchSource, device, recipe::Recipe, run::Run};
    ///
    /// # fn main() -> Result<(), vlp::Error> {
    /// let run = Run::new(Recipe::quickstart(), &device::open("flex")?)?;
    /// let (mut stepper, mut batches) = run.stepper()?;
    /// while !stepper.is_finished() {
    ///     let report = stepper.step(batches.next_batch(run.device())?)?;
    ///     println!("step {} loss {:.3}", report.step + 1, report.numbers.loss);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`trainer`](Self::trainer).
    pub fn stepper(&self) -> Result<(Stepper<MethodOf<M, I>>, PairSource), RunError> {
        Ok((self.stepper_from(self.method()?)?, self.source()?))
    }

    /// The same for a method that the program built or copied itself.
    ///
    /// # Errors
    /// When the schedule does not fit the run, or the layers of the method have no order and the recipe asks for one.
    pub fn stepper_from(&self, method: MethodOf<M, I>) -> Result<Stepper<MethodOf<M, I>>, RunError> {
        build::stepper(&self.recipe, method, self.total_steps(), &self.device)
    }

    /// The device, with autodiff.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Trains, with checkpoints, metrics and a copy of recipe and tokenizer in the folder `dir`, until all steps are taken or a
    /// stop is requested.
    ///
    /// # Errors
    /// When `dir` holds another run and [`RunOptions::fresh`] is not set, or training fails; the steps until then are saved.
    pub fn fit(self, dir: impl AsRef<Path>) -> Result<Trained<M, I>, RunError> {
        let dir = dir.as_ref();
        let resumed = match &self.resumed {
            Some((folder, checkpoint, passed_over)) if folder == dir => Some((checkpoint.clone(), passed_over.clone())),
            Some((folder, ..)) => {
                return Err(RunError::ElsewhereResumed { from: folder.clone(), into: dir.to_path_buf() });
            }
            None => None,
        };
        let total = self.total_steps();
        // Everything that can be refused is refused before anything is written.
        let mut trainer = self.trainer()?;
        let replaces = folder::check(dir, resumed.is_some(), self.options.fresh, self.recipe.method.name())?;
        let parameters = trainer.method().num_params();
        if !self.options.quiet {
            println!("{}", self.summary(parameters));
            self.train.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
        }
        let stop = match &self.options.stop {
            Some(stop) => stop.clone(),
            None => Stop::new(),
        };
        let config = match &resumed {
            // The configuration that the run began with: what may differ between two starts was compared already.
            Some((checkpoint, _)) => checkpoint.config().clone(),
            None => folder::config(&self.recipe, total),
        };
        // From here on the folder is this process's alone.
        let held = RunFolder::open(dir)?;
        folder::prepare(dir, &self.recipe)?;
        trainer = trainer
            .with_checkpoints(build::checkpoints(&self.recipe.checkpoint, &held, config).overwrite(replaces))
            .with_hook(JsonLines::new(dir.join("metrics.jsonl")).every(self.recipe.log.every))
            .with_stop(stop);
        if !self.options.quiet {
            trainer = trainer.with_hook(ProgressBar::new());
        }
        if let Some(hook) = evaluate::hook(&self, dir)? {
            trainer = trainer.with_hook(hook);
        }
        if let Some((checkpoint, passed_over)) = resumed {
            trainer = trainer.resume_from(checkpoint, passed_over)?;
        }
        let trained = trainer.fit()?;
        Ok(Trained::new(self, trained, dir.to_path_buf()))
    }

    /// What is about to be trained, in one line.
    fn summary(&self, parameters: usize) -> String {
        format!(
            "{}: {parameters} parameters, {} steps of {} pairs out of {}",
            self.recipe.method.name(),
            self.total_steps(),
            self.recipe.batch_size,
            self.train.len(),
        )
    }

    /// The run in the folder `dir` from its newest readable checkpoint on: [`fit`](Self::fit) into the same folder continues it.
    ///
    /// # Errors
    /// When the folder holds no readable checkpoint, or one of a recipe that this version does not read; otherwise as
    /// [`new`](Self::new).
    pub fn resume_as(dir: impl AsRef<Path>, device: &Device) -> Result<Self, RunError> {
        let dir = dir.as_ref();
        let (checkpoint, recipe, passed_over) = folder::newest::<M, I>(dir)?;
        let run = Self::new(recipe, device)?;
        Ok(Run { resumed: Some((dir.to_path_buf(), checkpoint, passed_over)), ..run })
    }

    /// The same with a recipe that must be that of the run, but for what may change between two starts: paths of the data,
    /// evaluation, checkpoints, log.
    ///
    /// # Errors
    /// As [`resume_as`](Self::resume_as), and with every key that differs.
    pub fn resumed_with(self, dir: impl AsRef<Path>) -> Result<Self, RunError> {
        let dir = dir.as_ref();
        let (checkpoint, saved, passed_over) = folder::newest::<M, I>(dir)?;
        folder::same(&checkpoint, &saved, &self.recipe, self.total_steps())?;
        Ok(Run { resumed: Some((dir.to_path_buf(), checkpoint, passed_over)), ..self })
    }

    /// The recipe of a run that [`fork`](Run::fork)s the one in `dir`, for a method or an encoder of your own.
    ///
    /// # Errors
    /// As [`resume_as`](Self::resume_as), and as [`Recipe::set`].
    pub fn forked(dir: impl AsRef<Path>, settings: &[impl AsRef<str>]) -> Result<Recipe<M, I>, RunError> {
        let (checkpoint, recipe, _) = folder::newest::<M, I>(dir.as_ref())?;
        let mut recipe = recipe.set(settings)?;
        let init = crate::recipe::InitRecipe { checkpoint: Some(checkpoint.path().to_path_buf()), weights: None };
        recipe.init = Some(init);
        Ok(recipe)
    }
}

impl Run {
    /// The recipe of the run in the folder `dir`, with the paths that it was started with.
    ///
    /// # Errors
    /// As [`resume_as`](Self::resume_as).
    pub fn recipe_of(dir: impl AsRef<Path>) -> Result<Recipe, RunError> {
        folder::newest(dir.as_ref()).map(|(_, recipe, _)| recipe)
    }

    /// The run in the folder `dir` from its newest readable checkpoint on: [`fit`](Self::fit) into the same folder continues
    /// it. For a method or an encoder of your own: [`resume_as`](Self::resume_as).
    ///
    /// # Errors
    /// As [`resume_as`](Self::resume_as).
    pub fn resume(dir: impl AsRef<Path>, device: &Device) -> Result<Self, RunError> {
        Self::resume_as(dir, device)
    }

    /// A new run that starts from the parameters of the run in `dir` with some keys of its recipe set to other values; the
    /// optimizer starts anew.
    ///
    /// # Errors
    /// As [`resume_as`](Self::resume_as), and as [`Recipe::set`].
    pub fn fork(dir: impl AsRef<Path>, settings: &[impl AsRef<str>], device: &Device) -> Result<Self, RunError> {
        Self::new(Self::forked(dir, settings)?, device)
    }
}

/// The newest checkpoint of the run in `path`, or the checkpoint in `path` itself, and its recipe.
pub(crate) fn stored(path: &Path) -> Result<(Checkpoint, Recipe), RunError> {
    folder::newest(path).map(|(checkpoint, recipe, _)| (checkpoint, recipe))
}

/// The method of a recipe in f32, which a checkpoint fills.
pub(crate) fn untrained(recipe: &Recipe, device: &Device) -> Result<MethodOf, RunError> {
    build::untrained(recipe, device)
}

/// `method` with what a checkpoint has for evaluation.
pub(crate) fn filled(checkpoint: &Checkpoint, method: MethodOf) -> Result<MethodOf, RunError> {
    build::filled(checkpoint, method)
}

/// The tokenizer of a recipe.
pub(crate) fn tokenizer(recipe: &Recipe) -> Result<Arc<dyn Tokenizer>, RunError> {
    build::tokenizer(&recipe.tokenizer, &recipe.text)
}

impl<M: MethodConfig, I: ImageEncoderConfig> fmt::Debug for Run<M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("recipe", &self.recipe).field("options", &self.options).finish_non_exhaustive()
    }
}
