//! The parts of a run, each built from the recipe in one place.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use serde_json::Value;
use vlp_data::{CanonicalText, ClipBpe, Dataset, HfTokenizer, Loader, LoaderConfig, PairSource, Tokenizer};
use vlp_encoders::{AnyImageEncoder, ImageEncoderConfig, LayerGroups, Layered, TextTransformer, TextTransformerConfig};
use vlp_methods::{AnyMethod, MethodConfig};
use vlp_trainer::{
    Checkpoint, Checkpoints, HookError, Optimizer, RateFactors, RunFolder, Stepper, Trainer, TrainerOptions,
};
use vlp_weights::{Package, Pretrained, ReadLimits};

use super::same_model::same_model;
use super::{MethodOf, RunError, folder};
use crate::recipe::{CheckpointRecipe, EmaRecipe, InitRecipe, LayerDecayRecipe, LoraRecipe, Recipe, TokenizerRecipe};

/// An embedding table may be filled up to a round number.
const FILLED: usize = 1024;

/// The tokenizer, after a look at whether the text encoder can hold its ids.
pub(super) fn tokenizer(
    recipe: &TokenizerRecipe,
    text: &TextTransformerConfig,
) -> Result<Arc<dyn Tokenizer>, RunError> {
    let context = text.context_length;
    let (name, tokenizer): (String, Arc<dyn Tokenizer>) = match recipe {
        TokenizerRecipe::Clip => ("\"clip\"".to_owned(), Arc::new(ClipBpe::new(context)?)),
        TokenizerRecipe::File { canonicalize, .. } => {
            let path = recipe.path().unwrap_or_default();
            let tokenizer = HfTokenizer::from_path(&path, context)?;
            let name = path.display().to_string();
            if *canonicalize { (name, Arc::new(CanonicalText::new(tokenizer))) } else { (name, Arc::new(tokenizer)) }
        }
    };
    let (entries, vocab_size) = (tokenizer.vocab_size(), text.vocab_size);
    if entries > vocab_size || entries + FILLED <= vocab_size {
        let advice = match recipe {
            TokenizerRecipe::Clip => {
                "the key `tokenizer` names the file of the one that belongs to this text encoder".to_owned()
            }
            TokenizerRecipe::File { .. } => {
                format!("set text.vocab_size to {entries}, or `tokenizer` to the one that belongs to this text encoder")
            }
        };
        return Err(RunError::Vocabulary { tokenizer: name, entries, vocab_size, advice });
    }
    Ok(tokenizer)
}

/// The method with its first parameters.
pub(super) fn method<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    device: &Device,
) -> Result<MethodOf<M, I>, RunError> {
    // One seed before the first parameter: the same weights at every start.
    device.seed(recipe.seed);
    let (mut image, mut text) = recipe.encoders(device)?;
    if let Some(lora) = &recipe.lora {
        if recipe.init.as_ref().is_some_and(|init| init.checkpoint.is_some()) {
            let problem =
                "not beside init.checkpoint: export the checkpoint and name the export as init.weights".to_owned();
            return Err(RunError::Key { key: "lora", problem });
        }
        (image, text) = adapted(lora, image, text)?;
    }
    let mut method = recipe.method.init(image, text, device)?;
    match &recipe.init {
        Some(InitRecipe { weights: Some(path), .. }) => give_weights::<M, I>(&mut method, path, recipe, device)?,
        Some(InitRecipe { checkpoint: Some(path), .. }) => {
            let (checkpoint, ..) = folder::checkpoint(path)?;
            method = checkpoint.load_model(method)?;
        }
        _ => (),
    }
    lock(recipe, method)
}

/// Puts pretrained encoders, heads, scale and bias in the place of the drawn ones.
fn give_weights<M: MethodConfig, I: ImageEncoderConfig>(
    method: &mut MethodOf<M, I>,
    path: &Path,
    recipe: &Recipe<M, I>,
    device: &Device,
) -> Result<(), RunError> {
    let refuse = |problem: String| Err(RunError::Key { key: "init.weights", problem });
    let any: &mut dyn Any = method;
    let Some(method) = any.downcast_mut::<AnyMethod<AnyImageEncoder, TextTransformer>>() else {
        return refuse("only the methods and image encoders of this library are given weights".to_owned());
    };
    let Pretrained { model, log_scale, bias, config, .. } =
        Package::read(path, &ReadLimits::default())?.load(device)?;
    let described = config.towers()?.dual_encoder();
    same_model("image", &recipe.image, &described.image)?;
    same_model("text", &recipe.text, &described.text)?;
    let (mut image, mut text) = (model.image, model.text);
    if let Some(lora) = &recipe.lora {
        (image, text) = adapted(lora, image, text)?;
    }
    let (image, text) = (image.with_precision(recipe.precision), text.with_precision(recipe.precision));
    let scalar = |value: f32| Tensor::<1>::from_floats([value], device);
    let put = |param: &mut Param<Tensor<1>>, value: f32| *param = param.clone().map(|_| scalar(value).require_grad());
    match method {
        AnyMethod::Clip(clip) => {
            same_shapes("image", &clip.image, &image)?;
            same_shapes("text", &clip.text, &text)?;
            same_shapes("method.head of images", &clip.image_head, &model.image_head)?;
            same_shapes("method.head of texts", &clip.text_head, &model.text_head)?;
            (clip.image, clip.text) = (image, text);
            (clip.image_head, clip.text_head) = (model.image_head, model.text_head);
            put(&mut clip.scale.log_scale, log_scale);
            if bias.is_some() {
                return refuse(
                    "these weights have a bias, which `siglip` learns and `clip` has no place for".to_owned(),
                );
            }
        }
        AnyMethod::SigLip(siglip) => {
            same_shapes("image", &siglip.image, &image)?;
            same_shapes("text", &siglip.text, &text)?;
            same_shapes("method.image_head", &siglip.image_head, &model.image_head)?;
            same_shapes("method.text_head", &siglip.text_head, &model.text_head)?;
            (siglip.image, siglip.text) = (image, text);
            (siglip.image_head, siglip.text_head) = (model.image_head, model.text_head);
            put(&mut siglip.loss.scale.log_scale, log_scale);
            // Weights without a bias leave it where SigLIP starts it.
            bias.into_iter().for_each(|bias| put(&mut siglip.loss.bias, bias));
        }
        _ => {
            return refuse(format!(
                "method.name is {}: only clip and siglip start from such weights",
                recipe.method.name()
            ));
        }
    }
    Ok(())
}

/// Refuses weights of another shape than the recipe describes.
fn same_shapes<T: burn::module::Module>(key: &'static str, described: &T, found: &T) -> Result<(), RunError> {
    let [mut ours, mut theirs] = [Vec::new(), Vec::new()];
    described.visit(&mut Shapes(&mut ours));
    found.visit(&mut Shapes(&mut theirs));
    match ours == theirs {
        true => Ok(()),
        false => {
            let first = ours.iter().zip(&theirs).find(|(a, b)| a != b);
            let example =
                first.map_or_else(String::new, |(a, b)| format!(", a parameter of shape {a:?} where they have {b:?}"));
            let problem = format!(
                "they have {} parameters in {key}, the recipe describes {}{example}: write the encoders that the weights belong to",
                theirs.len(),
                ours.len()
            );
            Err(RunError::Key { key: "init.weights", problem })
        }
    }
}

/// Shapes of a module's parameters in their order.
struct Shapes<'a>(&'a mut Vec<Vec<usize>>);

impl burn::module::ModuleVisitor for Shapes<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.lazy_shape().to_vec());
    }
}

/// Image and text parameters by depth, heads last; none where the method or the encoder does not say.
fn groups<M: MethodConfig, I: ImageEncoderConfig>(method: &MethodOf<M, I>) -> Option<[LayerGroups; 2]> {
    let towers = M::towers(method)?;
    let with = |groups: LayerGroups, head| match head {
        Some(head) => groups.with_head(head),
        None => groups,
    };
    let image = with(I::layer_groups(towers.image)?, towers.image_head);
    let text = with(towers.text.map(Layered::layer_groups).unwrap_or_default(), towers.text_head);
    Some([image, text])
}

fn without_order(key: &'static str) -> RunError {
    RunError::Key {
        key,
        problem: "this method or image encoder does not say in which order its layers stand".to_owned(),
    }
}

fn lock<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    mut method: MethodOf<M, I>,
) -> Result<MethodOf<M, I>, RunError> {
    let Some(lock) = &recipe.lock else { return Ok(method) };
    let [image, text] = groups::<M, I>(&method).ok_or_else(|| without_order("lock"))?;
    if let Some(learning) = lock.image {
        method = lock.of(learning).apply(method, &image);
    }
    if let Some(learning) = lock.text {
        method = lock.of(learning).apply(method, &text);
    }
    Ok(method)
}

fn rate_factors<M: MethodConfig, I: ImageEncoderConfig>(
    method: &MethodOf<M, I>,
    decay: LayerDecayRecipe,
) -> Result<RateFactors, HookError> {
    let [image, text] = groups::<M, I>(method).ok_or_else(|| without_order("layer_decay"))?;
    let groups = image.rate_factors(decay.image)?.into_iter().chain(text.rate_factors(decay.text)?);
    Ok(RateFactors::new(groups)?)
}

/// The stream of training batches.
pub(super) fn source<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    train: Arc<Dataset>,
    tokenizer: Arc<dyn Tokenizer>,
    workers: usize,
) -> Result<PairSource, RunError> {
    let config = LoaderConfig { workers, ..recipe.loader_config() };
    let loader = Loader::new(train, tokenizer, recipe.build_views()?, config)?;
    Ok(PairSource::new(loader, recipe.normalization.statistics()))
}

fn options<M, I>(recipe: &Recipe<M, I>, total: u64, device: &Device) -> TrainerOptions {
    TrainerOptions { max_norm: recipe.optimizer.max_norm, ..TrainerOptions::new(device, total).with_seed(recipe.seed) }
}

fn optimizer<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    total: u64,
) -> Result<impl Fn(&MethodOf<M, I>) -> Optimizer + use<M, I>, RunError> {
    let (settings, decay) = (recipe.optimizer.settings, recipe.optimizer.weight_decay_over(total)?);
    Ok(move |method: &MethodOf<M, I>| settings.build_with_decay(method, decay))
}

/// The trainer without checkpoints and hooks.
pub(super) fn trainer<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    method: MethodOf<M, I>,
    source: PairSource,
    total: u64,
    device: &Device,
) -> Result<Trainer<MethodOf<M, I>, PairSource>, RunError> {
    let options = options(recipe, total, device);
    let trainer = Trainer::new(method, source, optimizer(recipe, total)?, recipe.schedule.over(total)?, options);
    let trainer = match recipe.ema {
        Some(EmaRecipe { decay }) => trainer.with_ema(decay),
        None => trainer,
    };
    Ok(match recipe.layer_decay {
        Some(decay) => trainer.with_rate_factors(move |method| rate_factors::<M, I>(method, decay)),
        None => trainer,
    })
}

/// One step a call, by the same settings.
pub(super) fn stepper<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    method: MethodOf<M, I>,
    total: u64,
    device: &Device,
) -> Result<Stepper<MethodOf<M, I>>, RunError> {
    let options = options(recipe, total, device);
    let stepper = Stepper::new(method, optimizer(recipe, total)?, recipe.schedule.over(total)?, options);
    let Some(decay) = recipe.layer_decay else { return Ok(stepper) };
    let factors = rate_factors::<M, I>(stepper.method(), decay)
        .map_err(|error| RunError::Key { key: "layer_decay", problem: error.to_string() })?;
    Ok(stepper.with_rate_factors(factors))
}

/// When to save, and how much to keep.
pub(super) fn checkpoints(recipe: &CheckpointRecipe, folder: &RunFolder, config: Value) -> Checkpoints {
    Checkpoints::in_folder(folder, config)
        .every_steps(recipe.every_steps)
        .every(Duration::from_secs_f64(60.0 * recipe.every_minutes))
        .keep(recipe.keep)
}

/// The method of a recipe in f32 with places for all its parameters, which a checkpoint fills.
pub(super) fn untrained<M: MethodConfig, I: ImageEncoderConfig>(
    recipe: &Recipe<M, I>,
    device: &Device,
) -> Result<MethodOf<M, I>, RunError> {
    let (mut image, mut text) = (recipe.image.init(device)?, recipe.text.init(device)?);
    if let Some(lora) = &recipe.lora {
        (image, text) = adapted(lora, image, text)?;
    }
    Ok(recipe.method.init(image, text, device)?)
}

/// `method` with what a checkpoint has for evaluation: the moving average where there is one, else the parameters.
pub(super) fn filled<T: burn::module::Module>(checkpoint: &Checkpoint, method: T) -> Result<T, RunError> {
    Ok(if checkpoint.has_average() { checkpoint.load_average(method)? } else { checkpoint.load_model(method)? })
}

/// Both encoders, with low-rank adapters where the recipe puts some.
fn adapted<I: burn::module::Module, T: burn::module::Module>(
    lora: &LoraRecipe,
    image: I,
    text: T,
) -> Result<(I, T), RunError> {
    let image = if let Some(lora) = &lora.image { lora.apply(image)? } else { image };
    let text = if let Some(lora) = &lora.text { lora.apply(text)? } else { text };
    Ok((image, text))
}
