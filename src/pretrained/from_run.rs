//! A model out of the checkpoint of a run.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use vlp_augment::{Normalization, recipes};
use vlp_core::Embedder;
use vlp_data::{ClipBpe, ClipVocab, HfTokenizer};
use vlp_encoders::{AnyImageEncoder, TextTransformer};
use vlp_methods::AnyMethod;
use vlp_trainer::Checkpoint;
use vlp_weights::Package;

use super::model::{Body, Opened};
use super::{Model, PretrainedError, Templates, TextReader, package_of};
use crate::recipe::Recipe;

/// What a run's folder and a checkpoint's folder are told by.
const STEP: &str = "step-";
const MANIFEST: &str = "manifest.json";
/// The tokenizer that a run's texts were read with.
const TOKENIZER: &str = "tokenizer.json";

/// Whether a folder is a run's or a checkpoint's.
pub(super) fn is_run(folder: &Path) -> bool {
    let step = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(STEP);
    folder.join(MANIFEST).is_file()
        || std::fs::read_dir(folder).is_ok_and(|entries| entries.filter_map(Result::ok).any(step))
}

/// The model of a run's newest checkpoint, or of the checkpoint given.
pub(super) fn open(folder: &Path, device: &Device, tokenizer: Option<&Path>) -> Result<Model, PretrainedError> {
    let (checkpoint, unreadable) = match folder.join(MANIFEST).is_file() {
        true => (Some(Checkpoint::open(folder)?), Vec::new()),
        false => Checkpoint::latest(folder)?,
    };
    let path = folder.to_path_buf();
    let checkpoint = checkpoint.ok_or(PretrainedError::NoCheckpoint { path, unreadable })?;
    let recipe: Recipe = serde_json::from_value(checkpoint.config()["recipe"].clone()).map_err(|error| {
        PretrainedError::NotARun { path: checkpoint.path().to_path_buf(), reason: error.to_string() }
    })?;
    let (image, text) = (recipe.image.init(device)?, recipe.text.init(device)?);
    let method = checkpoint.load_model(recipe.method.init(image, text, device)?)?;
    let run = if folder.join(MANIFEST).is_file() { folder.parent().unwrap_or(folder) } else { folder };
    let texts = match text_reader(run, &recipe, tokenizer) {
        Err(error) if tokenizer.is_none() => Err(error.to_string()),
        texts => Ok(texts?),
    };
    let normalization = Normalization::IMAGENET;
    Ok(Model::from(Opened {
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
    }))
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

/// The tokenizer in `file`, else the one in the run's folder, else CLIP's where the vocabulary is CLIP's.
fn text_reader(run: &Path, recipe: &Recipe, file: Option<&Path>) -> Result<TextReader, PretrainedError> {
    let (vocabulary, context) = (recipe.text.vocab_size, recipe.text.context_length);
    let beside = run.join(TOKENIZER);
    let path = file.unwrap_or(&beside);
    if file.is_some() || path.is_file() {
        return TextReader::new(Arc::new(HfTokenizer::from_path(path, context)?), vocabulary, context);
    }
    if vocabulary == ClipVocab::END as usize + 1 {
        return TextReader::new(Arc::new(ClipBpe::new(context)?), vocabulary, context);
    }
    Err(PretrainedError::NoTokenizer(format!(
        "the run's texts were read with a tokenizer of {vocabulary} entries, and {} is not there: give it with --tokenizer",
        path.display()
    )))
}
