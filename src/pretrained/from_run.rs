//! A model out of the checkpoint of a run.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use vlp_augment::{Normalization, recipes};
use vlp_core::Embedder;
use vlp_data::{Alpha, HfTokenizer, Tokenizer};
use vlp_encoders::{AnyImageEncoder, TextTransformer};
use vlp_methods::AnyMethod;
use vlp_weights::Package;

use super::model::{Body, Opened};
use super::{Model, PretrainedError, Templates, TextReader, package_of};
use crate::recipe::Recipe;
use crate::run::{self, RunError};

/// What a run's folder and a checkpoint's folder are told by.
const STEP: &str = "step-";
const MANIFEST: &str = "manifest.json";

/// Whether a folder is a run's or a checkpoint's.
pub(super) fn is_run(folder: &Path) -> bool {
    let step = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(STEP);
    folder.join(MANIFEST).is_file()
        || std::fs::read_dir(folder).is_ok_and(|entries| entries.filter_map(Result::ok).any(step))
}

/// The model of a run's newest checkpoint, or of the checkpoint given.
pub(super) fn open(folder: &Path, device: &Device, tokenizer: Option<&Path>) -> Result<Model, PretrainedError> {
    let (checkpoint, recipe) = run::stored(folder).map_err(|error| of_run(folder, error))?;
    let method = run::untrained(&recipe, device).and_then(|method| run::filled(&checkpoint, method));
    let method = method.map_err(|error| of_run(folder, error))?;
    let texts = match (text_reader(&recipe, tokenizer), tokenizer) {
        (Err(error), None) => Err(error.to_string()),
        (texts, _) => Ok(texts?),
    };
    let normalization = recipe.normalization.statistics();
    let alpha = recipe.data.train.first().map_or_else(Alpha::default, |source| source.options.alpha);
    let model = Model::from(Opened {
        name: checkpoint.path().display().to_string(),
        device: device.clone(),
        resize: Arc::new(recipes::eval(recipe.views.size)),
        normalization,
        // A method that learns no scale: its cosines stand for themselves.
        scale: method.scale().map_or(1.0, |scale| scale.into_scalar()),
        bias: method.bias().map(|bias| bias.into_scalar()),
        body: Box::new(Trained { method, recipe, normalization }),
        pictures: Ok(()),
        texts,
        templates: Templates::plain(),
    });
    Ok(model.with_alpha(alpha))
}

struct Trained {
    method: AnyMethod<AnyImageEncoder, TextTransformer>,
    recipe: Recipe,
    normalization: Normalization,
}

impl Body for Trained {
    fn embedder(&self) -> &dyn Embedder {
        &self.method
    }

    fn package(&self) -> Result<Package, PretrainedError> {
        package_of(&self.method, &self.recipe, &self.normalization)
    }
}

/// The tokenizer in `file`, else the run's own.
fn text_reader(recipe: &Recipe, file: Option<&Path>) -> Result<TextReader, PretrainedError> {
    let (vocabulary, context) = (recipe.text.vocab_size, recipe.text.context_length);
    let tokenizer: Arc<dyn Tokenizer> = match file {
        Some(file) => Arc::new(HfTokenizer::from_path(file, context)?),
        None => run::tokenizer(recipe).map_err(|error| {
            PretrainedError::NoTokenizer(format!(
                "the run's tokenizer is not at hand: {error}; give it with --tokenizer"
            ))
        })?,
    };
    TextReader::new(tokenizer, vocabulary, context)
}

/// What was wrong with a run's folder.
fn of_run(folder: &Path, error: RunError) -> PretrainedError {
    let path = folder.to_path_buf();
    match error {
        RunError::Missing { why, .. } => PretrainedError::NoCheckpoint { path, unreadable: vec![why] },
        RunError::Train(error) => error.into(),
        other => PretrainedError::NotARun { path, reason: other.to_string() },
    }
}
