use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Layout, WeightError};

/// Side of a square picture, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ImageSize {
    /// Height and width are the same.
    Square(usize),
    /// Height, then width.
    HeightWidth([usize; 2]),
}

impl ImageSize {
    /// Height and width in pixels.
    pub fn height_width(self) -> [usize; 2] {
        match self {
            ImageSize::Square(side) => [side; 2],
            ImageSize::HeightWidth(size) => size,
        }
    }
}

/// Depth of an image tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Layers {
    /// Blocks of a vision transformer.
    Blocks(usize),
    /// Blocks in each of the four stages of a ModifiedResNet.
    Stages([usize; 4]),
}

/// A model as open_clip describes it (`model_configs/*.json`, `model_cfg` in `open_clip_config.json`).
///
/// The keys and their defaults are open_clip's; unknown ones are refused by name. [`ModelConfig::towers`] says what is to
/// be built, or which keys have no native counterpart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Width of the space where pictures and texts meet.
    pub embed_dim: usize,
    /// The image tower.
    pub vision_cfg: VisionConfig,
    /// The text tower.
    pub text_cfg: TextConfig,
    /// `x σ(1.702 x)` in place of GELU, in native towers.
    #[serde(default)]
    pub quick_gelu: bool,
    /// The text tower's keys stand under `text.`.
    #[serde(default)]
    pub custom_text: bool,
    /// Natural logarithm of the scale at the start.
    #[serde(default = "initial_log_scale")]
    pub init_logit_scale: f64,
    /// Bias of the logits at the start (SigLIP); without it there is none.
    #[serde(default)]
    pub init_logit_bias: Option<f64>,
    /// Scale and bias have one axis of length 1.
    #[serde(default)]
    pub nonscalar_logit_scale: bool,
    /// CoCa's decoder.
    #[serde(default)]
    pub multimodal_cfg: Option<Value>,
}

fn initial_log_scale() -> f64 {
    (1.0f64 / 0.07).ln()
}

/// `vision_cfg`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names and their meaning are open_clip's")]
pub struct VisionConfig {
    pub layers: Layers,
    pub width: usize,
    pub head_width: usize,
    pub mlp_ratio: f64,
    pub patch_size: Option<usize>,
    pub image_size: ImageSize,
    pub image_seq_len: Option<usize>,
    pub ls_init_value: Option<f64>,
    pub patch_dropout: f64,
    pub attentional_pool: Value,
    pub attn_pooler_queries: usize,
    pub attn_pooler_heads: usize,
    pub no_ln_pre: bool,
    pub pos_embed_type: String,
    pub final_ln_after_pool: bool,
    pub pool_type: String,
    pub output_tokens: bool,
    pub act_kwargs: Option<Map<String, Value>>,
    pub norm_kwargs: Option<Map<String, Value>>,
    pub block_type: Option<String>,
    pub qk_norm: bool,
    pub scaled_cosine_attn: bool,
    pub scale_heads: bool,
    pub scale_attn_inner: bool,
    pub scale_attn: bool,
    pub scale_fc: bool,
    pub timm_model_name: Option<String>,
    pub timm_model_pretrained: bool,
    pub timm_pool: String,
    pub timm_proj: Option<String>,
    pub timm_proj_bias: bool,
    pub timm_drop: f64,
    pub timm_drop_path: Option<f64>,
    pub timm_model_kwargs: Option<Map<String, Value>>,
}

impl Default for VisionConfig {
    fn default() -> Self {
        VisionConfig {
            layers: Layers::Blocks(12),
            width: 768,
            head_width: 64,
            mlp_ratio: 4.0,
            patch_size: Some(16),
            image_size: ImageSize::Square(224),
            image_seq_len: None,
            ls_init_value: None,
            patch_dropout: 0.0,
            attentional_pool: Value::Bool(false),
            attn_pooler_queries: 256,
            attn_pooler_heads: 8,
            no_ln_pre: false,
            pos_embed_type: "learnable".to_string(),
            final_ln_after_pool: false,
            pool_type: "tok".to_string(),
            output_tokens: false,
            act_kwargs: None,
            norm_kwargs: None,
            block_type: None,
            qk_norm: false,
            scaled_cosine_attn: false,
            scale_heads: false,
            scale_attn_inner: false,
            scale_attn: false,
            scale_fc: false,
            timm_model_name: None,
            timm_model_pretrained: false,
            timm_pool: "avg".to_string(),
            timm_proj: Some("linear".to_string()),
            timm_proj_bias: false,
            timm_drop: 0.0,
            timm_drop_path: None,
            timm_model_kwargs: None,
        }
    }
}

/// `text_cfg`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names and their meaning are open_clip's")]
pub struct TextConfig {
    pub text_arch: String,
    pub context_length: usize,
    pub variable_text: bool,
    pub vocab_size: usize,
    pub hf_tokenizer_name: Option<String>,
    pub tokenizer_mode: Option<String>,
    pub tokenizer_kwargs: Option<Map<String, Value>>,
    pub width: usize,
    pub heads: usize,
    pub layers: usize,
    pub mlp_ratio: f64,
    pub ls_init_value: Option<f64>,
    pub embed_cls: bool,
    pub pad_id: u32,
    pub bos_id: Option<u32>,
    pub eos_id: Option<u32>,
    pub tokenizer_type: String,
    pub tiktoken_name: String,
    pub no_causal_mask: bool,
    pub final_ln_after_pool: bool,
    pub pool_type: String,
    pub proj_bias: bool,
    pub proj_type: String,
    pub output_tokens: bool,
    pub act_kwargs: Option<Map<String, Value>>,
    pub norm_kwargs: Option<Map<String, Value>>,
    pub block_type: Option<String>,
    pub qk_norm: bool,
    pub scaled_cosine_attn: bool,
    pub scale_heads: bool,
    pub scale_attn_inner: bool,
    pub scale_attn: bool,
    pub scale_fc: bool,
    pub attention_mode: String,
    pub pos_embed: String,
    pub rope_temperature: f64,
    pub mlp_type: String,
    pub norm_type: Option<String>,
    pub norm_eps: f64,
    pub attn_gated: bool,
    pub pre_norm: bool,
    pub norm_placement: String,
    pub zero_init_residual: bool,
    pub reg_tokens: usize,
    pub value_residual: bool,
    pub attention_bias: Option<bool>,
    pub mlp_bias: Option<bool>,
    pub gate_bias: Option<bool>,
    pub hf_model_name: Option<String>,
    pub hf_model_pretrained: bool,
    pub hf_proj_type: Option<String>,
    pub hf_pooler_type: String,
    pub hf_model_config: Option<Map<String, Value>>,
}

impl Default for TextConfig {
    fn default() -> Self {
        TextConfig {
            text_arch: "clip".to_string(),
            context_length: 77,
            variable_text: false,
            vocab_size: 49_408,
            hf_tokenizer_name: None,
            tokenizer_mode: None,
            tokenizer_kwargs: None,
            width: 512,
            heads: 8,
            layers: 12,
            mlp_ratio: 4.0,
            ls_init_value: None,
            embed_cls: false,
            pad_id: 0,
            bos_id: None,
            eos_id: None,
            tokenizer_type: String::new(),
            tiktoken_name: "cl100k_base".to_string(),
            no_causal_mask: false,
            final_ln_after_pool: false,
            pool_type: "argmax".to_string(),
            proj_bias: false,
            proj_type: "linear".to_string(),
            output_tokens: false,
            act_kwargs: None,
            norm_kwargs: None,
            block_type: None,
            qk_norm: false,
            scaled_cosine_attn: false,
            scale_heads: false,
            scale_attn_inner: false,
            scale_attn: false,
            scale_fc: false,
            attention_mode: "causal".to_string(),
            pos_embed: "rope".to_string(),
            rope_temperature: 10_000.0,
            mlp_type: "swiglu".to_string(),
            norm_type: None,
            norm_eps: 1e-6,
            attn_gated: false,
            pre_norm: false,
            norm_placement: "pre".to_string(),
            zero_init_residual: false,
            reg_tokens: 0,
            value_residual: false,
            attention_bias: None,
            mlp_bias: None,
            gate_bias: None,
            hf_model_name: None,
            hf_model_pretrained: true,
            hf_proj_type: Some("mlp".to_string()),
            hf_pooler_type: "mean_pooler".to_string(),
            hf_model_config: None,
        }
    }
}

impl ModelConfig {
    /// Reads open_clip's JSON.
    ///
    /// # Errors
    /// When it is no JSON, a key is unknown, or a value has another type than open_clip's.
    pub fn from_json(json: &str) -> Result<Self, WeightError> {
        serde_json::from_str(json).map_err(|error| WeightError::config("this model configuration", error))
    }

    /// open_clip's JSON: what differs from open_clip's defaults, and the sizes in any case. A key that is written is known
    /// to every version of open_clip that has the feature.
    pub fn to_json(&self) -> Value {
        const SIZES: [&str; 8] =
            ["image_size", "layers", "width", "patch_size", "context_length", "vocab_size", "heads", "embed_dim"];
        let plain = ModelConfig {
            embed_dim: 0,
            vision_cfg: VisionConfig::default(),
            text_cfg: TextConfig::default(),
            quick_gelu: false,
            custom_text: false,
            init_logit_scale: initial_log_scale(),
            init_logit_bias: None,
            nonscalar_logit_scale: false,
            multimodal_cfg: None,
        };
        let timm = self.vision_cfg.timm_model_name.is_some();
        let [mut json, plain] = [self, &plain].map(|config| serde_json::to_value(config).expect("plain data"));
        prune(&mut json, &plain, &SIZES);
        if timm && let Some(vision) = json["vision_cfg"].as_object_mut() {
            // A timm model brings its own sizes.
            ["layers", "width", "patch_size"].iter().for_each(|key| drop(vision.remove(*key)));
        }
        json
    }

    /// The layout of this model's own state dict in open_clip.
    pub fn layout(&self) -> Layout {
        match (&self.vision_cfg.timm_model_name, self.custom_text) {
            (Some(_), _) => Layout::OpenClipTimm,
            (None, true) => Layout::OpenClipCustomText,
            (None, false) => Layout::OpenClip,
        }
    }
}

/// Takes out what equals the default, all but the keys to keep, in nested objects too.
fn prune(json: &mut Value, plain: &Value, keep: &[&str]) {
    let (Some(entries), Some(plain)) = (json.as_object_mut(), plain.as_object()) else { return };
    for (key, default) in plain {
        let Some(value) = entries.get_mut(key) else { continue };
        if value.is_object() && default.is_object() {
            prune(value, default, keep);
        } else if value == default && !keep.contains(&key.as_str()) {
            entries.remove(key);
        }
    }
}
