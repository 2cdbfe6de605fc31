//! `config.json` of Hugging Face's CLIPModel and SiglipModel.

use serde_json::{Map, Value, json};

use super::schema::{ImageSize, Layers, ModelConfig, TextConfig, VisionConfig};
use super::siglip_trunk::{mlp_ratio, name_of};
use super::towers::{ImageTower, ModelActivation, TextPool, TextProjection, Towers, VitPool, VitTower};
use crate::WeightError;

const WHAT: &str = "this Hugging Face configuration";

impl ModelConfig {
    /// Reads `config.json` of a CLIPModel or a SiglipModel. Keys that leave the numbers as they are, are passed over;
    /// what a file leaves out has transformers' default.
    ///
    /// `eos_token_id` 2 means the largest id, as transformers reads it for old files; any other means the first token with
    /// that id.
    ///
    /// # Errors
    /// When it is no JSON, of another model, or asks for what neither open_clip nor this crate has.
    pub fn from_hugging_face(json: &str) -> Result<Self, WeightError> {
        let mut config: Value = serde_json::from_str(json).map_err(|error| WeightError::config(WHAT, error))?;
        match config["model_type"].as_str() {
            Some("clip") => {
                overridden(&mut config)?;
                clip(&config)
            }
            Some("siglip") => siglip(&config),
            Some("siglip2") => {
                let reason = "model_type is siglip2, a NaFlex model whose patches are resized for each picture, which is not here; \
                              SigLIP 2 of a fixed resolution has model_type siglip";
                Err(WeightError::config(WHAT, reason))
            }
            Some(kind) => Err(WeightError::config(
                WHAT,
                format!("model_type is {kind}; clip and siglip, and their towers alone, are read"),
            )),
            None if config.get("architecture").is_some() => {
                let reason =
                    format!("it is timm's, of {}; clip and siglip of Hugging Face are read", config["architecture"]);
                Err(WeightError::config(WHAT, reason))
            }
            None => Err(WeightError::config(WHAT, "it names no model_type; clip and siglip are read")),
        }
    }

    /// `config.json` for transformers.
    ///
    /// # Errors
    /// When neither CLIPModel nor SiglipModel can hold this model.
    pub fn to_hugging_face(&self) -> Result<Value, WeightError> {
        let towers = self.towers()?;
        let refuse = |reason: &str| Err(WeightError::config("this model as a Hugging Face model", reason));
        let ImageTower::Vit(image) = &towers.image else { return refuse("transformers has no ModifiedResNet") };
        if image.layer_scale.is_some() {
            return refuse("transformers' models have no layer scale");
        }
        let text = &towers.text;
        match (image.pool, text.projection) {
            (VitPool::Class, TextProjection::Matrix) if image.ln_pre && text.causal && towers.bias.is_none() => {
                let eos = match text.pool {
                    TextPool::Argmax => 2,
                    TextPool::Eos(id) if id != 2 => id,
                    _ => return refuse("CLIPModel pools at the largest id or at an end-of-text id other than 2"),
                };
                Ok(clip_json(&towers, image, eos))
            }
            (VitPool::Map, TextProjection::Linear) if !text.causal && text.pool == TextPool::Last => {
                if towers.bias.is_none() {
                    return refuse("SiglipModel needs a logit bias");
                }
                Ok(siglip_json(&towers, image))
            }
            _ => refuse(
                "CLIPModel takes a class token, ln_pre, a causal text tower and no bias; SiglipModel takes attention \
                 pooling and a text tower without mask that pools the last position into a linear layer with bias",
            ),
        }
    }
}

/// Old files say a tower twice. As in transformers, `text_config_dict` and `vision_config_dict` take the place of
/// `text_config` and `vision_config`, with defaults for what they leave out.
fn overridden(config: &mut Value) -> Result<(), WeightError> {
    for tower in ["text_config", "vision_config"] {
        let key = format!("{tower}_dict");
        match config.get(&key) {
            None | Some(Value::Null) => (),
            Some(given @ Value::Object(_)) => config[tower] = given.clone(),
            Some(given) => return Err(WeightError::config(WHAT, format!("{key} is {given}, no table of keys"))),
        }
    }
    Ok(())
}

fn activation_name(activation: ModelActivation) -> &'static str {
    match activation {
        ModelActivation::Gelu => "gelu",
        ModelActivation::GeluTanh => "gelu_pytorch_tanh",
        ModelActivation::QuickGelu => "quick_gelu",
    }
}

fn clip_json(towers: &Towers, image: &VitTower, eos: u32) -> Value {
    let text = &towers.text;
    json!({
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": towers.embed_dim,
        "logit_scale_init_value": towers.log_scale,
        "text_config": {
            "model_type": "clip_text_model",
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.context_length,
            "hidden_size": text.width,
            "intermediate_size": text.hidden,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "hidden_act": activation_name(text.activation),
            "layer_norm_eps": text.norm_eps,
            "projection_dim": towers.embed_dim,
            "bos_token_id": text.vocab_size.saturating_sub(2),
            "eos_token_id": eos,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "image_size": image.image_size,
            "patch_size": image.patch_size,
            "num_channels": 3,
            "hidden_size": image.width,
            "intermediate_size": image.hidden,
            "num_hidden_layers": image.layers,
            "num_attention_heads": image.heads,
            "hidden_act": activation_name(image.activation),
            "layer_norm_eps": image.norm_eps,
            "projection_dim": towers.embed_dim,
        },
    })
}

fn siglip_json(towers: &Towers, image: &VitTower) -> Value {
    let text = &towers.text;
    json!({
        "architectures": ["SiglipModel"],
        "model_type": "siglip",
        "text_config": {
            "model_type": "siglip_text_model",
            "vocab_size": text.vocab_size,
            "max_position_embeddings": text.context_length,
            "hidden_size": text.width,
            "intermediate_size": text.hidden,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "hidden_act": activation_name(text.activation),
            "layer_norm_eps": text.norm_eps,
            "projection_size": towers.embed_dim,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "image_size": image.image_size,
            "patch_size": image.patch_size,
            "num_channels": 3,
            "hidden_size": image.width,
            "intermediate_size": image.hidden,
            "num_hidden_layers": image.layers,
            "num_attention_heads": image.heads,
            "hidden_act": activation_name(image.activation),
            "layer_norm_eps": image.norm_eps,
        },
    })
}

/// One of the two nested configurations.
struct Tower<'a> {
    name: &'static str,
    config: &'a Value,
}

impl Tower<'_> {
    fn size(&self, key: &str, default: usize) -> Result<usize, WeightError> {
        let value = &self.config[key];
        match value.as_u64() {
            _ if value.is_null() => Ok(default),
            Some(size) => Ok(size as usize),
            None => Err(WeightError::config(WHAT, format!("{}.{key} is {value}, no whole number", self.name))),
        }
    }

    fn number(&self, key: &str, default: f64) -> Result<f64, WeightError> {
        let value = &self.config[key];
        match value.as_f64() {
            _ if value.is_null() => Ok(default),
            Some(number) => Ok(number),
            None => Err(WeightError::config(WHAT, format!("{}.{key} is {value}, no number", self.name))),
        }
    }

    fn activation(&self, default: ModelActivation) -> Result<ModelActivation, WeightError> {
        match &self.config["hidden_act"] {
            Value::Null => Ok(default),
            act if act == "quick_gelu" => Ok(ModelActivation::QuickGelu),
            act if act == "gelu" => Ok(ModelActivation::Gelu),
            act if act == "gelu_pytorch_tanh" => Ok(ModelActivation::GeluTanh),
            act => {
                let known = "quick_gelu, gelu and gelu_pytorch_tanh are known";
                Err(WeightError::config(WHAT, format!("{}.hidden_act is {act}; {known}", self.name)))
            }
        }
    }

    fn must_be(&self, key: &str, only: Value) -> Result<(), WeightError> {
        let value = &self.config[key];
        if value.is_null() || *value == only {
            return Ok(());
        }
        Err(WeightError::config(WHAT, format!("{}.{key} is {value}, only {only} is read", self.name)))
    }
}

fn towers_of(config: &Value) -> [Tower<'_>; 2] {
    [("vision_config", &config["vision_config"]), ("text_config", &config["text_config"])]
        .map(|(name, config)| Tower { name, config })
}

/// `act_kwargs` of open_clip for an activation that is not QuickGELU.
fn act_kwargs(activation: ModelActivation) -> Option<Map<String, Value>> {
    (activation == ModelActivation::GeluTanh).then(|| Map::from_iter([("approximate".to_string(), "tanh".into())]))
}

/// `norm_kwargs` of open_clip.
fn norm_kwargs(eps: f64) -> Option<Map<String, Value>> {
    (eps != 1e-5).then(|| Map::from_iter([("eps".to_string(), eps.into())]))
}

fn clip(config: &Value) -> Result<ModelConfig, WeightError> {
    let [vision, text] = towers_of(config);
    vision.must_be("num_channels", 3.into())?;
    let [image_act, text_act] =
        [vision.activation(ModelActivation::QuickGelu)?, text.activation(ModelActivation::QuickGelu)?];
    let quick = [image_act, text_act].map(|act| act == ModelActivation::QuickGelu);
    if quick[0] != quick[1] {
        return Err(WeightError::config(
            WHAT,
            "one tower has quick_gelu and the other has not, which open_clip cannot say",
        ));
    }
    let [width, text_width] = [vision.size("hidden_size", 768)?, text.size("hidden_size", 512)?];
    let (pool_type, eos_id) = match text.size("eos_token_id", 49_407)? {
        2 => ("argmax", None),
        id => ("eos", Some(id as u32)),
    };
    let top = Tower { name: "the configuration", config };
    let model = ModelConfig {
        embed_dim: top.size("projection_dim", 512)?,
        quick_gelu: quick[0],
        custom_text: false,
        init_logit_scale: top.number("logit_scale_init_value", 2.6592)?,
        init_logit_bias: None,
        nonscalar_logit_scale: false,
        multimodal_cfg: None,
        vision_cfg: VisionConfig {
            layers: Layers::Blocks(vision.size("num_hidden_layers", 12)?),
            width,
            head_width: width.checked_div(vision.size("num_attention_heads", 12)?).unwrap_or(0),
            mlp_ratio: mlp_ratio(vision.size("intermediate_size", 3072)?, width),
            patch_size: Some(vision.size("patch_size", 32)?),
            image_size: ImageSize::Square(vision.size("image_size", 224)?),
            act_kwargs: act_kwargs(image_act),
            norm_kwargs: norm_kwargs(vision.number("layer_norm_eps", 1e-5)?),
            ..VisionConfig::default()
        },
        text_cfg: TextConfig {
            context_length: text.size("max_position_embeddings", 77)?,
            vocab_size: text.size("vocab_size", 49_408)?,
            width: text_width,
            heads: text.size("num_attention_heads", 8)?,
            layers: text.size("num_hidden_layers", 12)?,
            mlp_ratio: mlp_ratio(text.size("intermediate_size", 2048)?, text_width),
            pool_type: pool_type.to_string(),
            eos_id,
            act_kwargs: act_kwargs(text_act),
            norm_kwargs: norm_kwargs(text.number("layer_norm_eps", 1e-5)?),
            ..TextConfig::default()
        },
    };
    model.towers().map(|_| model)
}

fn siglip(config: &Value) -> Result<ModelConfig, WeightError> {
    let [vision, text] = towers_of(config);
    vision.must_be("num_channels", 3.into())?;
    vision.must_be("vision_use_head", true.into())?;
    let [image_act, text_act] =
        [vision.activation(ModelActivation::GeluTanh)?, text.activation(ModelActivation::GeluTanh)?];
    if [image_act, text_act].contains(&ModelActivation::QuickGelu) {
        return Err(WeightError::config(WHAT, "quick_gelu in a SigLIP model, which open_clip cannot say"));
    }
    let width = vision.size("hidden_size", 768)?;
    let text_width = text.size("hidden_size", 768)?;
    vision.must_be("layer_norm_eps", 1e-6.into())?;
    let (timm_model_name, arguments) = name_of(&VitTower {
        image_size: vision.size("image_size", 224)?,
        patch_size: vision.size("patch_size", 16)?,
        width,
        layers: vision.size("num_hidden_layers", 12)?,
        heads: vision.size("num_attention_heads", 12)?,
        hidden: vision.size("intermediate_size", 3072)?,
        layer_scale: None,
        ln_pre: false,
        pool: VitPool::Map,
        activation: image_act,
        norm_eps: 1e-6,
    });
    let model = ModelConfig {
        embed_dim: text.size("projection_size", text_width)?,
        quick_gelu: false,
        custom_text: true,
        init_logit_scale: 10f64.ln(),
        init_logit_bias: Some(-10.0),
        nonscalar_logit_scale: false,
        multimodal_cfg: None,
        vision_cfg: VisionConfig {
            image_size: ImageSize::Square(vision.size("image_size", 224)?),
            timm_model_name: Some(timm_model_name),
            timm_pool: "map".to_string(),
            timm_proj: Some("none".to_string()),
            timm_model_kwargs: (!arguments.is_empty()).then_some(arguments),
            ..VisionConfig::default()
        },
        text_cfg: TextConfig {
            context_length: text.size("max_position_embeddings", 64)?,
            vocab_size: text.size("vocab_size", 32_000)?,
            width: text_width,
            heads: text.size("num_attention_heads", 12)?,
            layers: text.size("num_hidden_layers", 12)?,
            mlp_ratio: mlp_ratio(text.size("intermediate_size", 3072)?, text_width),
            no_causal_mask: true,
            proj_bias: true,
            pool_type: "last".to_string(),
            act_kwargs: act_kwargs(text_act),
            norm_kwargs: norm_kwargs(text.number("layer_norm_eps", 1e-6)?),
            ..TextConfig::default()
        },
    };
    model.towers().map(|_| model)
}
