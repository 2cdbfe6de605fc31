//! From a configuration to the towers it asks for, with every key in mind that asks for something else.

use std::fmt::Debug;

use serde_json::{Map, Value};

use super::schema::{ImageSize, Layers, ModelConfig, TextConfig, VisionConfig};
use super::siglip_trunk;
use super::towers::{
    ImageTower, ModelActivation, ResNetTower, TextPool, TextProjection, TextTower, Towers, VitPool, VitTower,
};
use crate::WeightError;

impl ModelConfig {
    /// The towers to build: ViT, ModifiedResNet or SigLIP's timm ViT, with a native text transformer.
    ///
    /// # Errors
    /// With every key that asks for something else, or when sizes do not fit each other.
    pub fn towers(&self) -> Result<Towers, WeightError> {
        let mut keys = Vec::new();
        if self.multimodal_cfg.is_some() {
            keys.push("multimodal_cfg (CoCa's decoder)".to_string());
        }
        if self.vision_cfg.timm_model_name.is_some() && !self.custom_text {
            keys.push("custom_text = false around a timm trunk".to_string());
        }
        let image = image_tower(&self.vision_cfg, self.embed_dim, self.quick_gelu, &mut keys);
        let text = text_tower(&self.text_cfg, self.quick_gelu, &mut keys);
        match (image, text) {
            (Some(image), Some(text)) if keys.is_empty() => {
                let towers = Towers {
                    embed_dim: self.embed_dim,
                    image,
                    text,
                    log_scale: self.init_logit_scale,
                    bias: self.init_logit_bias,
                };
                towers.check()
            }
            _ => Err(WeightError::Unsupported { keys }),
        }
    }
}

fn image_tower(
    config: &VisionConfig,
    embed_dim: usize,
    quick_gelu: bool,
    keys: &mut Vec<String>,
) -> Option<ImageTower> {
    let mut refuse = |key: &str, value: &dyn Debug| keys.push(format!("vision_cfg.{key} = {value:?}"));
    let flags = [
        ("output_tokens", config.output_tokens),
        ("qk_norm", config.qk_norm),
        ("scaled_cosine_attn", config.scaled_cosine_attn),
        ("scale_heads", config.scale_heads),
        ("scale_attn_inner", config.scale_attn_inner),
        ("scale_attn", config.scale_attn),
        ("scale_fc", config.scale_fc),
    ];
    flags.iter().filter(|(_, set)| *set).for_each(|(key, set)| refuse(key, set));
    if config.attentional_pool != Value::Bool(false) {
        refuse("attentional_pool", &config.attentional_pool);
    }
    if config.pos_embed_type != "learnable" {
        refuse("pos_embed_type", &config.pos_embed_type);
    }
    if let Some(length) = config.image_seq_len {
        refuse("image_seq_len", &length);
    }
    if let Some(kind) = config.block_type.as_deref().filter(|kind| *kind != "default") {
        refuse("block_type", &kind);
    }
    let [height, width] = config.image_size.height_width();
    if height != width {
        refuse("image_size", &config.image_size);
    }
    match (&config.timm_model_name, config.layers) {
        (Some(name), _) => timm_tower(config, name, embed_dim, keys),
        (None, Layers::Stages(layers)) => Some(ImageTower::ResNet(ResNetTower {
            image_size: height,
            layers,
            width: config.width,
            heads: (config.width.saturating_mul(32)).checked_div(config.head_width).unwrap_or(0),
        })),
        (None, Layers::Blocks(layers)) => {
            let pool = match (config.pool_type.as_str(), config.final_ln_after_pool) {
                // Normalising the pooled token alone gives the same vector.
                ("tok", _) => Some(VitPool::Class),
                ("avg", norm_last) => Some(VitPool::Mean { norm_last }),
                _ => None,
            };
            if pool.is_none() {
                refuse("pool_type", &config.pool_type);
            }
            if config.patch_size.is_none() {
                refuse("patch_size", &config.patch_size);
            }
            let activation = activation("vision_cfg", quick_gelu, config.act_kwargs.as_ref(), keys);
            let norm_eps = norm_eps("vision_cfg", config.norm_kwargs.as_ref(), keys);
            Some(ImageTower::Vit(VitTower {
                image_size: height,
                patch_size: config.patch_size?,
                width: config.width,
                layers,
                heads: config.width.checked_div(config.head_width).unwrap_or(0),
                hidden: (config.width as f64 * config.mlp_ratio) as usize,
                layer_scale: config.ls_init_value,
                ln_pre: !config.no_ln_pre,
                pool: pool?,
                activation,
                norm_eps,
            }))
        }
    }
}

fn timm_tower(config: &VisionConfig, name: &str, embed_dim: usize, keys: &mut Vec<String>) -> Option<ImageTower> {
    let Some(trunk) = siglip_trunk::trunk(name) else {
        keys.push(format!("vision_cfg.timm_model_name = {name:?} (only the vit_*_siglip_* models are native)"));
        return None;
    };
    if config.timm_pool != "map" {
        keys.push(format!("vision_cfg.timm_pool = {:?}", config.timm_pool));
    }
    if config.timm_proj.as_deref() != Some("none") {
        keys.push(format!("vision_cfg.timm_proj = {:?}", config.timm_proj));
    }
    let none = Map::new();
    match siglip_trunk::with_arguments(trunk, config.timm_model_kwargs.as_ref().unwrap_or(&none)) {
        Err(key) => {
            keys.push(format!("vision_cfg.{key}"));
            None
        }
        Ok(tower) => {
            if ImageSize::Square(tower.image_size) != config.image_size {
                let (size, own) = (config.image_size, tower.image_size);
                keys.push(format!("vision_cfg.image_size = {size:?} around a trunk for {own} pixels"));
            }
            if tower.width != embed_dim {
                keys.push(format!("embed_dim = {embed_dim} around a trunk of width {}", tower.width));
            }
            Some(ImageTower::Vit(tower))
        }
    }
}

fn text_tower(config: &TextConfig, quick_gelu: bool, keys: &mut Vec<String>) -> Option<TextTower> {
    let mut refuse = |key: &str, value: &dyn Debug| keys.push(format!("text_cfg.{key} = {value:?}"));
    if let Some(name) = &config.hf_model_name {
        refuse("hf_model_name", name);
    }
    if config.text_arch != "clip" {
        refuse("text_arch", &config.text_arch);
    }
    let flags = [
        ("variable_text", config.variable_text),
        ("embed_cls", config.embed_cls),
        ("output_tokens", config.output_tokens),
        ("qk_norm", config.qk_norm),
        ("scaled_cosine_attn", config.scaled_cosine_attn),
        ("scale_heads", config.scale_heads),
        ("scale_attn_inner", config.scale_attn_inner),
        ("scale_attn", config.scale_attn),
        ("scale_fc", config.scale_fc),
    ];
    flags.iter().filter(|(_, set)| *set).for_each(|(key, set)| refuse(key, set));
    if let Some(start) = config.ls_init_value {
        refuse("ls_init_value", &start);
    }
    if let Some(kind) = config.block_type.as_deref().filter(|kind| *kind != "default") {
        refuse("block_type", &kind);
    }
    let pool = match (config.pool_type.as_str(), config.eos_id) {
        ("argmax", _) => Some(TextPool::Argmax),
        ("first", _) => Some(TextPool::First),
        ("last", _) => Some(TextPool::Last),
        ("eos", Some(id)) => Some(TextPool::Eos(id)),
        _ => None,
    };
    if pool.is_none() {
        refuse("pool_type", &(&config.pool_type, config.eos_id));
    }
    let projection = match (config.proj_type.as_str(), config.proj_bias) {
        ("none", _) => Some(TextProjection::None),
        ("linear", false) => Some(TextProjection::Matrix),
        ("linear", true) => Some(TextProjection::Linear),
        _ => None,
    };
    if projection.is_none() {
        refuse("proj_type", &config.proj_type);
    }
    let activation = activation("text_cfg", quick_gelu, config.act_kwargs.as_ref(), keys);
    let norm_eps = norm_eps("text_cfg", config.norm_kwargs.as_ref(), keys);
    Some(TextTower {
        context_length: config.context_length,
        vocab_size: config.vocab_size,
        width: config.width,
        heads: config.heads,
        layers: config.layers,
        hidden: (config.width as f64 * config.mlp_ratio) as usize,
        causal: !config.no_causal_mask,
        pool: pool?,
        projection: projection?,
        activation,
        norm_eps,
    })
}

fn activation(
    tower: &str,
    quick: bool,
    arguments: Option<&Map<String, Value>>,
    keys: &mut Vec<String>,
) -> ModelActivation {
    let mut activation = if quick { ModelActivation::QuickGelu } else { ModelActivation::Gelu };
    for (key, value) in arguments.into_iter().flatten() {
        match (key.as_str(), value.as_str()) {
            ("approximate", Some("tanh")) if !quick => activation = ModelActivation::GeluTanh,
            ("approximate", Some("none")) if !quick => (),
            _ => keys.push(format!("{tower}.act_kwargs.{key} = {value} (quick_gelu = {quick})")),
        }
    }
    activation
}

fn norm_eps(tower: &str, arguments: Option<&Map<String, Value>>, keys: &mut Vec<String>) -> f64 {
    let mut eps = 1e-5;
    for (key, value) in arguments.into_iter().flatten() {
        match (key.as_str(), value.as_f64()) {
            ("eps", Some(value)) if value > 0.0 => eps = value,
            _ => keys.push(format!("{tower}.norm_kwargs.{key} = {value}")),
        }
    }
    eps
}
