//! The quickstart's model, out of a checkpoint.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use vlp::augment::{Normalization, recipes};
use vlp::core::Embedder;
use vlp::recipe::{MethodRecipe, Recipe};
use vlp::trainer::Checkpoint;

use super::model::{Model, Texts};

/// The newest checkpoint of a run; of CLIP-rocket the head for weak views, which is the one with CLIP's scale.
pub(crate) fn trained(run: &Path, device: Device) -> Result<Model, Box<dyn Error>> {
    let (checkpoint, unreadable) = Checkpoint::latest(run)?;
    unreadable.iter().for_each(|why| eprintln!("warning: {why}"));
    let checkpoint = checkpoint.ok_or_else(|| format!("{} holds no readable checkpoint", run.display()))?;
    let recipe: Recipe = serde_json::from_value(checkpoint.config()["recipe"].clone())
        .map_err(|error| format!("{} is no run of the quickstart: {error}", run.display()))?;
    let (image, text) = (recipe.image.init(&device)?, recipe.text.init(&device)?);
    let (embedder, scale): (Box<dyn Embedder>, _) = match recipe.method {
        MethodRecipe::Clip(config) => {
            let method = checkpoint.load_model(config.init(image, text, &device)?)?;
            let scale = method.scale.scale();
            (Box::new(method), scale)
        }
        MethodRecipe::ClipRocket(config) => {
            let method = checkpoint.load_model(config.init(image, text, &device)?)?;
            let scale = method.scale.scale();
            (Box::new(method), scale)
        }
    };
    Ok(Model {
        name: checkpoint.path().display().to_string(),
        device,
        embedder,
        resize: Arc::new(recipes::eval(recipe.views.size)),
        normalization: Normalization::IMAGENET,
        scale: scale.into_scalar(),
        bias: None,
        texts: Texts::Emoji(recipe.text.context_length, recipe.text.vocab_size),
    })
}
