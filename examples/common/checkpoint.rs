//! The quickstart's model, out of a checkpoint.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use vlp::augment::{Normalization, recipes};
use vlp::recipe::Recipe;
use vlp::trainer::Checkpoint;

use super::model::{Model, Texts};

/// The newest checkpoint of a run; of methods with a head for weak and one for strong views the first, which is the one with CLIP's scale.
pub(crate) fn trained(run: &Path, device: Device) -> Result<Model, Box<dyn Error>> {
    let (checkpoint, unreadable) = Checkpoint::latest(run)?;
    unreadable.iter().for_each(|why| eprintln!("warning: {why}"));
    let checkpoint = checkpoint.ok_or_else(|| format!("{} holds no readable checkpoint", run.display()))?;
    let recipe: Recipe = serde_json::from_value(checkpoint.config()["recipe"].clone())
        .map_err(|error| format!("{} is no run of the quickstart: {error}", run.display()))?;
    let (image, text) = (recipe.image.init(&device)?, recipe.text.init(&device)?);
    let method = checkpoint.load_model(recipe.method.init(image, text, &device)?)?;
    // nCLIP learns no scale: its cosines stand for themselves.
    let scale = method.scale().map_or(1.0, |scale| scale.into_scalar());
    let bias = method.bias().map(|bias| bias.into_scalar());
    Ok(Model {
        name: checkpoint.path().display().to_string(),
        device,
        embedder: Box::new(method),
        resize: Arc::new(recipes::eval(recipe.views.size)),
        normalization: Normalization::IMAGENET,
        scale,
        bias,
        texts: Texts::Emoji(recipe.text.context_length, recipe.text.vocab_size),
    })
}
