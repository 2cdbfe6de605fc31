use burn::tensor::Device;
use serde_json::Value;
use vlp_encoders::{
    AnyImageEncoder, BertPooling, BertProjection, BertTower, BertTowerConfig, DualEncoder, ProjectionConfig,
};

use crate::convert::clip_image_from_hf;
use crate::hf_text::from_hugging_face;
use crate::layout::is_idle_buffer;
use crate::loader::Loader;
use crate::names::{Lie, Names};
use crate::{ModelConfig, StateDict, TextConfig, WeightError};

const WHAT: &str = "this Hugging Face configuration";

/// A model whose text tower is one of Hugging Face's, with its weights.
#[derive(Debug)]
pub struct HfTextModel {
    /// Both towers with their projections.
    pub model: DualEncoder<AnyImageEncoder, BertTower>,
    /// Natural logarithm of the scale of the logits.
    pub log_scale: f32,
    /// Bias of the logits; none without one.
    pub bias: Option<f32>,
}

/// Builds a model of open_clip's whose configuration names a text tower of Hugging Face's (`roberta-ViT-B-32`,
/// `xlm-roberta-base-ViT-B-32`) and gives it these weights, which lie as open_clip stores them: `visual.…`, `text.transformer.…`,
/// `text.proj…`. Weights of 16 or 64 bits become 32-bit floats.
///
/// # Errors
/// When the configuration names no such tower or one that is not of BERT's family, or with everything that is unknown, missing
/// or of another shape.
pub fn load_hf_text(weights: StateDict, config: &ModelConfig, device: &Device) -> Result<HfTextModel, WeightError> {
    let Some(text) = config.hugging_face_text()? else {
        return Err(WeightError::config(
            "this model configuration",
            "it has no hf_model_name: its text tower is native",
        ));
    };
    load_hf_text_with(weights, config, &text, device)
}

/// The same with a text tower of these sizes, for models that name one which [`ModelConfig::hugging_face_text`] does not know.
///
/// # Errors
/// When a tower cannot be built, or with everything that is unknown, missing or of another shape.
pub fn load_hf_text_with(
    weights: StateDict,
    config: &ModelConfig,
    text: &BertTowerConfig,
    device: &Device,
) -> Result<HfTextModel, WeightError> {
    build(weights, config, text, Stored::OpenClip, device)
}

/// Builds Hugging Face's `VisionTextDualEncoderModel` of a CLIP vision tower and a BERT, RoBERTa or XLM-RoBERTa from its
/// `config.json` and gives it these weights.
///
/// # Errors
/// When the configuration is of another model, or with everything that is unknown, missing or of another shape.
pub fn load_vision_text(weights: StateDict, config: &str, device: &Device) -> Result<HfTextModel, WeightError> {
    let json: Value = serde_json::from_str(config).map_err(|error| WeightError::config(WHAT, error))?;
    let (clip, text) = vision_text_config(&json)?;
    load_vision_text_with(weights, &clip, &text, device)
}

/// The same of a configuration that was read.
pub(crate) fn load_vision_text_with(
    weights: StateDict,
    clip: &ModelConfig,
    text: &BertTowerConfig,
    device: &Device,
) -> Result<HfTextModel, WeightError> {
    // transformers 4 keeps each tower's own model inside the joint one.
    let inner = |name: String| match name.strip_prefix("vision_model.vision_model.") {
        Some(rest) => format!("vision_model.{rest}"),
        None => name,
    };
    let weights = weights.into_iter().map(|(name, tensor)| (inner(name), tensor));
    let (of_text, of_image): (Vec<_>, Vec<_>) = weights.partition(|(name, _)| name.starts_with("text_"));
    let mut all = clip_image_from_hf(of_image.into_iter().collect())?;
    of_text.into_iter().for_each(|(name, tensor)| drop(all.insert(name, tensor)));
    build(all, clip, text, Stored::HuggingFace, device)
}

/// The towers that a `VisionTextDualEncoderModel`'s `config.json` describes: the image tower in a model of CLIP's, and the text
/// tower.
pub(crate) fn vision_text_config(json: &Value) -> Result<(ModelConfig, BertTowerConfig), WeightError> {
    let (kind, vision) = (json["model_type"].as_str(), &json["vision_config"]);
    if kind != Some("vision-text-dual-encoder") {
        return Err(WeightError::config(WHAT, format!("model_type is {kind:?}, not vision-text-dual-encoder")));
    }
    if vision["model_type"] != "clip_vision_model" {
        let reason = format!("vision_config.model_type is {}, only clip_vision_model is read", vision["model_type"]);
        return Err(WeightError::config(WHAT, reason));
    }
    // The vision tower as CLIPModel's reader takes it, beside a text tower that is not built.
    let mut clip = json.clone();
    (clip["model_type"], clip["text_config"]) = ("clip".into(), Value::Object(serde_json::Map::new()));
    clip["text_config"]["hidden_act"] = vision["hidden_act"].clone();
    let clip = ModelConfig::from_hugging_face(&clip.to_string())?;
    let mut bert = from_hugging_face("text_config", &json["text_config"])?;
    bert.pooling = BertPooling::Pooler;
    let text = BertTowerConfig { bert, projection: BertProjection::Linear, output: clip.embed_dim };
    Ok((clip, text))
}

/// Under which names a text tower lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    OpenClip,
    HuggingFace,
}

fn build(
    mut weights: StateDict,
    config: &ModelConfig,
    text: &BertTowerConfig,
    stored: Stored,
    device: &Device,
) -> Result<HfTextModel, WeightError> {
    // The image tower is that of the same model with a native text tower.
    let native = ModelConfig { text_cfg: TextConfig::default(), ..config.clone() };
    let dual = native.towers()?.dual_encoder();
    let refuse = |error: vlp_encoders::EncoderError| WeightError::config("this model configuration", error);
    let heads = [dual.image_head, ProjectionConfig::Identity];
    let (image, tower) = (dual.image.init(device).map_err(refuse)?, text.init(device).map_err(refuse)?);
    let model = DualEncoder::join(image, tower, heads, config.embed_dim, device).map_err(refuse)?;

    let mut scalar = |name: &str| Some(*weights.remove(name)?.to_f32()?.first()?);
    let (log_scale, bias) = (scalar("logit_scale"), scalar("logit_bias"));
    let names = |path: &str| match path.strip_prefix("text.") {
        Some(path) => text_name(path, text.projection, stored),
        None => Names::of(&native).name(path),
    };
    let (model, weights, mut problems) = Loader::load(model, weights, names);
    problems.missing.extend(log_scale.is_none().then(|| "logit_scale".to_owned()));
    let idle = |name: &str| {
        // transformers stores what it can compute, and a pooler that open_clip's pooling may not read.
        let pooler = name.contains(".pooler.dense.") && text.bert.pooling != BertPooling::Pooler;
        is_idle_buffer(name) || name.ends_with("token_type_ids") || name.ends_with("num_batches_tracked") || pooler
    };
    problems.unknown.extend(weights.names().filter(|name| !idle(name)).map(str::to_owned));
    problems.into_result("the towers of this configuration")?;
    Ok(HfTextModel { model, log_scale: log_scale.unwrap_or_default(), bias })
}

/// The name of a parameter of the text tower and how it lies there.
fn text_name(path: &str, projection: BertProjection, stored: Stored) -> Option<(String, Lie)> {
    if let Some(layer) = path.strip_prefix("projection.").and_then(|rest| rest.strip_suffix(".weight")) {
        let name = match (stored, projection) {
            (Stored::HuggingFace, _) => "text_projection.weight".to_owned(),
            (Stored::OpenClip, BertProjection::Mlp) => {
                format!("text.proj.{}.weight", 2 * layer.parse::<usize>().ok()?)
            }
            (Stored::OpenClip, _) => "text.proj.weight".to_owned(),
        };
        return Some((name, Lie::Transposed));
    }
    let front = if stored == Stored::OpenClip { "text.transformer." } else { "text_model." };
    let path = path.strip_prefix("bert.")?;
    let (module, leaf) = path.rsplit_once('.')?;
    let table = |name: &str| Some((format!("{front}embeddings.{name}.weight"), Lie::Same));
    let part = match leaf {
        "gamma" => "weight",
        "beta" => "bias",
        other => other,
    };
    let module = match module {
        "tokens" => return table("word_embeddings"),
        "positions" => return table("position_embeddings"),
        "kinds" => return table("token_type_embeddings"),
        "norm" => "embeddings.LayerNorm".to_owned(),
        "pooler" => "pooler.dense".to_owned(),
        module => {
            let (layer, of_layer) = module.strip_prefix("layers.")?.split_once('.')?;
            let theirs = match of_layer {
                "query" | "key" | "value" => format!("attention.self.{of_layer}"),
                "out" => "attention.output.dense".to_owned(),
                "norm_1" => "attention.output.LayerNorm".to_owned(),
                "fc_1" => "intermediate.dense".to_owned(),
                "fc_2" => "output.dense".to_owned(),
                "norm_2" => "output.LayerNorm".to_owned(),
                _ => return None,
            };
            format!("encoder.layer.{layer}.{theirs}")
        }
    };
    let lie = if leaf == "weight" { Lie::Transposed } else { Lie::Same };
    Some((format!("{front}{module}.{part}"), lie))
}
