//! Runs of the quickstart with any method, small enough for tests: same stem, heads, dropout, views and data.
#![allow(dead_code, reason = "each test takes its own part")]

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::{Value, json};
use vlp::core::Precision;
use vlp::data::PairSource;
use vlp::encoders::{AnyImageEncoder, AnyImageEncoderConfig, TextTransformer};
use vlp::methods::AnyMethod;
use vlp::recipe::{Recipe, SourceRecipe};
use vlp::run::Run;
use vlp::trainer::{Checkpoints, JsonLines, Trainer};
use vlp::weights::{ExpectedTensor, Format, HostTensor, ModelConfig, Package, PreprocessConfig, StateDict, TensorRole};

pub(crate) type Model = AnyMethod<AnyImageEncoder, TextTransformer>;

pub(crate) fn recipe(method: &str) -> Recipe {
    let mut recipe = Recipe::quickstart_with(method).unwrap();
    recipe.batch_size = 16;
    let AnyImageEncoderConfig::Vit(image) = &mut recipe.image else { panic!("the quickstart's encoder is a ViT") };
    (recipe.views.size, image.image_size) = (16, 16);
    (image.width, image.depth, image.heads) = (24, 1, 2);
    (recipe.text.width, recipe.text.depth, recipe.text.heads, recipe.text.dropout) = (16, 1, 2, 0.1);
    let shards = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji/test-concepts-000.tar");
    recipe.data.train = vec![SourceRecipe::new(shards.to_str().unwrap())];
    recipe
}

pub(crate) fn model(recipe: &Recipe, device: &Device) -> Model {
    device.seed(recipe.seed);
    // Not by `Run`, which refuses half precision on the CPU: slow, but it shows what half precision does.
    let image = recipe.image.init(device).unwrap().with_precision(recipe.precision);
    let text = recipe.text.init(device).unwrap().with_precision(recipe.precision);
    recipe.method.init(image, text, device).unwrap()
}

/// A run in `out` with checkpoints and metrics, ready to start or to resume.
pub(crate) fn trainer(recipe: &Recipe, steps: u64, out: &Path, config: Value) -> Trainer<Model, PairSource> {
    let single = Recipe { precision: Precision::F32, ..recipe.set(&[format!("steps={steps}")]).unwrap() };
    let run = Run::new(single, &Device::flex()).unwrap();
    let trainer = run.trainer_from(model(recipe, run.device())).unwrap();
    trainer
        .with_checkpoints(Checkpoints::new(out, config).every_steps(3))
        .with_hook(JsonLines::new(out.join("metrics.jsonl")))
}

/// What a checkpoint says about the run it belongs to.
pub(crate) fn config(recipe: &Recipe) -> Value {
    json!({ "recipe": recipe })
}

/// The loss of each step, as the run wrote it.
pub(crate) fn losses(out: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let loss = |line: &str| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap();
    text.lines().map(loss).collect()
}

/// A CLIP with the real vocabulary and hardly anything else, in open_clip's words; `more` is further keys.
pub(crate) fn clip_config(width: usize, more: &str) -> ModelConfig {
    let text = format!(
        r#"{{"embed_dim": {width}, "quick_gelu": true, {more}
        "vision_cfg": {{"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}},
        "text_cfg": {{"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1}}}}"#
    );
    ModelConfig::from_json(&text).unwrap()
}

/// The same with weights that differ from one another.
pub(crate) fn clip_package(width: usize, seed: usize, more: &str) -> Package {
    let config = clip_config(width, more);
    let tensor = |(number, tensor): (usize, ExpectedTensor)| {
        assert_ne!(tensor.role, TensorRole::BatchCount);
        let values = (0..tensor.shape.iter().product()).map(|at: usize| ((at * 7 + number * 13 + seed) as f32).sin());
        let values: Vec<f32> = if tensor.name == "logit_scale" { vec![2.0] } else { values.collect() };
        (tensor.name, HostTensor::from_f32(tensor.shape, &values))
    };
    let weights: StateDict = config.expected_tensors().unwrap().into_iter().enumerate().map(tensor).collect();
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    Package::new(weights, config, preprocess).unwrap()
}

/// The same in a folder of open_clip below `folder`.
pub(crate) fn clip(folder: &Path) -> PathBuf {
    let target = folder.join("clip");
    clip_package(8, 0, "").export(Format::OpenClip, &target).unwrap();
    target
}
