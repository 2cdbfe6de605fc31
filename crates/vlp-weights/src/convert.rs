//! From one layout to another, to the bit.

use crate::layout::{is_idle_buffer, is_root_text};
use crate::rules::{Direction, Move, Rule, apply, layer, rule};
use crate::{Layout, StateDict, WeightError};

/// Renames, splits, joins and transposes the tensors of one layout into another. No value changes, so converting back
/// gives every tensor's bytes again. Buffers that hold no weight (masks, position counters, sizes) are dropped.
///
/// | from and to | what it takes |
/// |---|---|
/// | [`OpenClip`](Layout::OpenClip), [`OpenClipCustomText`](Layout::OpenClipCustomText) | anything |
/// | either of them, [`HfClip`](Layout::HfClip) | a ViT with a class token, `ln_pre` and no layer scale |
/// | [`OpenClipTimm`](Layout::OpenClipTimm), [`HfSiglip`](Layout::HfSiglip) | SigLIP's attention pooling and a text projection with bias |
/// | any of open_clip's, [`TimmVit`](Layout::TimmVit) | the image tower alone: going to timm the text tower and the scale stay behind |
///
/// # Errors
/// When the layouts hold different architectures, or with everything that is unknown, missing or of an impossible shape.
pub fn convert(dict: StateDict, from: Layout, to: Layout) -> Result<StateDict, WeightError> {
    use Layout::{HfClip, HfSiglip, OpenClip, OpenClipCustomText, OpenClipTimm, TimmVit};
    let dict = without_idle_buffers(dict);
    let by = |rules: &[Rule], dict, direction| {
        apply(rules, dict, direction).map_err(|problems| WeightError::Keys { target: target(from, to), problems })
    };
    if from == to {
        return Ok(dict);
    }
    match (from, to) {
        (OpenClip, OpenClipCustomText) => Ok(with_text_prefix(dict)),
        (OpenClipCustomText, OpenClip) => Ok(without_text_prefix(dict)),
        (OpenClip, HfClip) => by(&clip_to_hf(), dict, Direction::ToFar),
        (OpenClipCustomText, HfClip) => by(&clip_to_hf(), without_text_prefix(dict), Direction::ToFar),
        (HfClip, OpenClip) => by(&clip_to_hf(), dict, Direction::ToNear),
        (HfClip, OpenClipCustomText) => by(&clip_to_hf(), dict, Direction::ToNear).map(with_text_prefix),
        (OpenClipTimm, HfSiglip) => by(&siglip_to_hf(), dict, Direction::ToFar),
        (HfSiglip, OpenClipTimm) => by(&siglip_to_hf(), dict, Direction::ToNear),
        (OpenClip | OpenClipCustomText, TimmVit) => by(&clip_to_timm(), image_tower(dict), Direction::ToFar),
        (TimmVit, OpenClip | OpenClipCustomText) => by(&clip_to_timm(), dict, Direction::ToNear),
        (OpenClipTimm, TimmVit) => Ok(renamed(image_tower(dict), |name| name.replacen("visual.trunk.", "", 1))),
        (TimmVit, OpenClipTimm) => Ok(renamed(dict, |name| format!("visual.trunk.{name}"))),
        (HfSiglip, TimmVit) => convert(convert(dict, from, OpenClipTimm)?, OpenClipTimm, to),
        (HfClip, TimmVit) => convert(convert(dict, from, OpenClip)?, OpenClip, to),
        (TimmVit, HfClip | HfSiglip) => Err(WeightError::NoConversion {
            from,
            to,
            reason: "a timm ViT has no text tower; convert it to an open_clip layout and add one",
        }),
        _ => Err(WeightError::NoConversion {
            from,
            to,
            reason: "CLIP has a class token or an attention-pooled ResNet, SigLIP a timm ViT with attention pooling",
        }),
    }
}

/// Hugging Face's CLIP vision tower with its projection and the scale, in open_clip's layout.
pub(crate) fn clip_image_from_hf(dict: StateDict) -> Result<StateDict, WeightError> {
    let moved = apply(&clip_image_to_hf(), without_idle_buffers(dict), Direction::ToNear);
    moved.map_err(|problems| WeightError::Keys { target: target(Layout::HfClip, Layout::OpenClip), problems })
}

fn target(from: Layout, to: Layout) -> String {
    format!("the conversion from {from} to {to}")
}

fn without_idle_buffers(mut dict: StateDict) -> StateDict {
    let idle: Vec<String> = dict.names().filter(|name| is_idle_buffer(name)).map(str::to_string).collect();
    idle.iter().for_each(|name| drop(dict.remove(name)));
    dict
}

fn renamed(mut dict: StateDict, name: impl Fn(&str) -> String) -> StateDict {
    let metadata = std::mem::take(&mut dict.metadata);
    let renamed: StateDict = dict.into_iter().map(|(old, tensor)| (name(&old), tensor)).collect();
    StateDict { metadata, ..renamed }
}

fn with_text_prefix(dict: StateDict) -> StateDict {
    renamed(dict, |name| if is_root_text(name) { format!("text.{name}") } else { name.to_string() })
}

fn without_text_prefix(dict: StateDict) -> StateDict {
    renamed(dict, |name| name.strip_prefix("text.").unwrap_or(name).to_string())
}

fn image_tower(mut dict: StateDict) -> StateDict {
    let metadata = std::mem::take(&mut dict.metadata);
    let image: StateDict = dict.into_iter().filter(|(name, _)| name.starts_with("visual.")).collect();
    StateDict { metadata, ..image }
}

/// open_clip's residual block against Hugging Face's.
fn block_to_hf() -> Vec<Rule> {
    let thirds = |part: &str| {
        let [q, k, v] = ["q", "k", "v"].map(|which| format!("self_attn.{which}_proj.{part}"));
        rule(&[&format!("attn.in_proj_{part}")], Move::Thirds, &[&q, &k, &v])
    };
    let mut rules = vec![thirds("weight"), thirds("bias")];
    let layers = [
        ("ln_1", "layer_norm1"),
        ("ln_2", "layer_norm2"),
        ("attn.out_proj", "self_attn.out_proj"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
    ];
    rules.extend(layers.iter().flat_map(|(near, far)| layer(near, far)));
    rules
}

fn below(rules: Vec<Rule>, near: &str, far: &str) -> impl Iterator<Item = Rule> {
    rules.into_iter().map(move |rule| rule.below(near, far))
}

/// open_clip's text tower against Hugging Face's, projection apart.
fn text_to_hf(near: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        below(block_to_hf(), &format!("{near}transformer.resblocks.{{i}}."), "text_model.encoder.layers.{i}.")
            .collect();
    let table = [
        ("token_embedding.weight", "embeddings.token_embedding.weight"),
        ("positional_embedding", "embeddings.position_embedding.weight"),
        ("ln_final.weight", "final_layer_norm.weight"),
        ("ln_final.bias", "final_layer_norm.bias"),
    ];
    rules.extend(table.iter().map(|(from, to)| rule(&[from], Move::Same, &[to]).below(near, "text_model.")));
    rules
}

fn clip_to_hf() -> Vec<Rule> {
    let mut rules = text_to_hf("");
    rules.push(rule(&["text_projection"], Move::Transpose, &["text_projection.weight"]));
    rules.extend(clip_image_to_hf());
    rules
}

/// The image tower and the scale alone.
fn clip_image_to_hf() -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        below(block_to_hf(), "visual.transformer.resblocks.{i}.", "vision_model.encoder.layers.{i}.").collect();
    let image = [
        ("class_embedding", "embeddings.class_embedding"),
        ("conv1.weight", "embeddings.patch_embedding.weight"),
        ("positional_embedding", "embeddings.position_embedding.weight"),
    ];
    rules.extend(image.iter().map(|(from, to)| rule(&[from], Move::Same, &[to]).below("visual.", "vision_model.")));
    // Hugging Face spells it so.
    rules.extend(layer("visual.ln_pre", "vision_model.pre_layrnorm"));
    rules.extend(layer("visual.ln_post", "vision_model.post_layernorm"));
    rules.push(rule(&["visual.proj"], Move::Transpose, &["visual_projection.weight"]));
    rules.push(rule(&["logit_scale"], Move::Scalar(0), &["logit_scale"]));
    rules
}

fn siglip_to_hf() -> Vec<Rule> {
    let mut block: Vec<Rule> = ["weight", "bias"]
        .iter()
        .map(|part| {
            let [q, k, v] = ["q", "k", "v"].map(|which| format!("self_attn.{which}_proj.{part}"));
            rule(&[&format!("attn.qkv.{part}")], Move::Thirds, &[&q, &k, &v])
        })
        .collect();
    let layers = [
        ("norm1", "layer_norm1"),
        ("norm2", "layer_norm2"),
        ("attn.proj", "self_attn.out_proj"),
        ("mlp.fc1", "mlp.fc1"),
        ("mlp.fc2", "mlp.fc2"),
    ];
    block.extend(layers.iter().flat_map(|(near, far)| layer(near, far)));

    let mut image: Vec<Rule> = below(block, "blocks.{i}.", "encoder.layers.{i}.").collect();
    image.extend(layer("patch_embed.proj", "embeddings.patch_embedding"));
    image.push(rule(&["pos_embed"], Move::Unlead, &["embeddings.position_embedding.weight"]));
    image.extend(layer("norm", "post_layernorm"));
    for part in ["weight", "bias"] {
        let near = [format!("attn_pool.q.{part}"), format!("attn_pool.kv.{part}")];
        let far = format!("head.attention.in_proj_{part}");
        image.push(rule(&[&near[0], &near[1]], Move::QueryAndKeyValue, &[&far]));
    }
    image.push(rule(&["attn_pool.latent"], Move::Same, &["head.probe"]));
    let pool = [
        ("attn_pool.proj", "head.attention.out_proj"),
        ("attn_pool.norm", "head.layernorm"),
        ("attn_pool.mlp.fc1", "head.mlp.fc1"),
        ("attn_pool.mlp.fc2", "head.mlp.fc2"),
    ];
    image.extend(pool.iter().flat_map(|(near, far)| layer(near, far)));

    let mut rules: Vec<Rule> = below(image, "visual.trunk.", "vision_model.").collect();
    rules.extend(text_to_hf("text."));
    rules.extend(layer("text.text_projection", "text_model.head"));
    rules.push(rule(&["logit_scale"], Move::Scalar(1), &["logit_scale"]));
    rules.push(rule(&["logit_bias"], Move::Scalar(1), &["logit_bias"]));
    rules
}

/// open_clip's image tower against timm's `vit_*_clip_*`.
fn clip_to_timm() -> Vec<Rule> {
    let mut block = vec![
        rule(&["attn.in_proj_weight"], Move::Same, &["attn.qkv.weight"]),
        rule(&["attn.in_proj_bias"], Move::Same, &["attn.qkv.bias"]),
        rule(&["ls_1.gamma"], Move::Same, &["ls1.gamma"]).optional(),
        rule(&["ls_2.gamma"], Move::Same, &["ls2.gamma"]).optional(),
    ];
    let layers = [
        ("ln_1", "norm1"),
        ("ln_2", "norm2"),
        ("attn.out_proj", "attn.proj"),
        ("mlp.c_fc", "mlp.fc1"),
        ("mlp.c_proj", "mlp.fc2"),
    ];
    block.extend(layers.iter().flat_map(|(near, far)| layer(near, far)));
    let mut rules: Vec<Rule> = below(block, "transformer.resblocks.{i}.", "blocks.{i}.").collect();
    rules.push(rule(&["class_embedding"], Move::Lead(2), &["cls_token"]));
    rules.push(rule(&["positional_embedding"], Move::Lead(1), &["pos_embed"]));
    rules.push(rule(&["conv1.weight"], Move::Same, &["patch_embed.proj.weight"]));
    rules.extend(layer("ln_pre", "norm_pre"));
    rules.extend(layer("ln_post", "norm"));
    rules.push(rule(&["proj"], Move::Transpose, &["head.weight"]).optional());
    below(rules, "visual.", "").collect()
}
