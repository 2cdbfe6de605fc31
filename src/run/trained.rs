use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use vlp_augment::Normalization;
use vlp_data::Tokenizer;
use vlp_encoders::{AnyImageEncoderConfig, ImageEncoderConfig};
use vlp_methods::{AnyMethodConfig, MethodConfig};
use vlp_trainer::Outcome;

use super::evaluate::Evaluator;
use super::{Evaluation, MethodOf, Run, RunError, build, folder};
use crate::recipe::Recipe;

/// What a run leaves: the method with everything that belongs to it.
pub struct Trained<M: MethodConfig = AnyMethodConfig, I: ImageEncoderConfig = AnyImageEncoderConfig> {
    /// The trained method, on a device without autodiff: the moving average of its parameters where the recipe has `ema`.
    pub method: MethodOf<M, I>,
    recipe: Recipe<M, I>,
    device: Device,
    tokenizer: Arc<dyn Tokenizer>,
    outcome: Option<Outcome>,
    dir: PathBuf,
    workers: usize,
    step: u64,
}

impl<M: MethodConfig, I: ImageEncoderConfig> Trained<M, I> {
    pub(super) fn new(run: Run<M, I>, trained: vlp_trainer::Trained<MethodOf<M, I>>, dir: PathBuf) -> Self {
        let step = match trained.outcome {
            Outcome::Stopped { step, .. } => step,
            Outcome::Finished { .. } => run.total_steps(),
        };
        Trained {
            method: trained.average.unwrap_or(trained.method).valid(),
            device: run.device.without_autodiff(),
            tokenizer: run.tokenizer,
            outcome: Some(trained.outcome),
            workers: run.options.workers,
            recipe: run.recipe,
            dir,
            step,
        }
    }

    /// The recipe of the run.
    pub fn recipe(&self) -> &Recipe<M, I> {
        &self.recipe
    }

    /// The folder of the run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Steps that were taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Whether a stop ended the run before its last step; a loaded run counts as it was saved.
    pub fn is_stopped(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Stopped { .. }))
    }

    /// What turns captions into the ids that the method reads.
    pub fn tokenizer(&self) -> &Arc<dyn Tokenizer> {
        &self.tokenizer
    }

    /// The statistics that pictures are normalised by.
    pub fn normalization(&self) -> Normalization {
        self.recipe.normalization.statistics()
    }

    /// The device that the method is on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The factor that turns cosines into logits; 1 where the method learns none.
    pub fn scale(&self) -> f32 {
        M::scale(&self.method).map_or(1.0, |scale| scale.into_scalar())
    }

    /// What is added to scaled cosines; a method that has it was trained with a sigmoid.
    pub fn bias(&self) -> Option<f32> {
        M::bias(&self.method).map(|bias| bias.into_scalar())
    }

    /// Measures what the recipe's `[eval]` asks for.
    ///
    /// # Errors
    /// When the recipe names nothing to evaluate on, its data cannot be read, or the model gives numbers that are not finite.
    pub fn evaluate(&self) -> Result<Evaluation, RunError> {
        Evaluator::open(&self.recipe, None, self.tokenizer.clone(), &self.device, self.workers)?.measure(&self.method)
    }

    /// Measures by other settings than the recipe's.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_by(&self, eval: &crate::recipe::EvalRecipe) -> Result<Evaluation, RunError> {
        let recipe = Recipe { eval: eval.clone(), ..self.recipe.clone() };
        Evaluator::open(&recipe, None, self.tokenizer.clone(), &self.device, self.workers)?.measure(&self.method)
    }
}

/// The newest readable checkpoint of the run in `path`, or the checkpoint in `path` itself, on a device.
///
/// # Errors
/// When there is none, or it is of a recipe that this version does not read.
pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Trained, RunError> {
    load_as(path, device)
}

/// [`load`] for a method or an image encoder of your own.
///
/// # Errors
/// As [`load`].
pub fn load_as<M: MethodConfig, I: ImageEncoderConfig>(
    path: impl AsRef<Path>,
    device: &Device,
) -> Result<Trained<M, I>, RunError> {
    let (checkpoint, recipe, passed_over) = folder::newest::<M, I>(path.as_ref())?;
    passed_over.iter().for_each(|why| eprintln!("warning: {why}"));
    let device = device.clone().without_autodiff();
    let tokenizer = build::tokenizer(&recipe.tokenizer, &recipe.text)?;
    let method = build::filled(&checkpoint, build::untrained(&recipe, &device)?)?;
    let (dir, step) = (checkpoint.path().parent().unwrap_or(Path::new("")).to_path_buf(), checkpoint.step());
    let workers = super::RunOptions::default().workers;
    Ok(Trained { method, recipe, device, tokenizer, outcome: None, dir, workers, step })
}

impl<M: MethodConfig, I: ImageEncoderConfig> fmt::Debug for Trained<M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trained").field("dir", &self.dir).field("step", &self.step).finish_non_exhaustive()
    }
}
