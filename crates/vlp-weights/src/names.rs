//! What a module's parameter is called in open_clip's layout.

use crate::{Layout, ModelConfig};

/// Parts of a path and what stands for them; the rest of the path follows a dot, or nothing after an underscore.
pub(crate) type Table = &'static [(&'static str, &'static str)];

const OPEN_CLIP_BLOCK: Table = &[
    ("norm_1", "ln_1"),
    ("norm_2", "ln_2"),
    ("attention.qkv", "attn.in_proj_"),
    ("attention.out", "attn.out_proj"),
    ("scale_1", "ls_1.gamma"),
    ("scale_2", "ls_2.gamma"),
    ("fc_1", "mlp.c_fc"),
    ("fc_2", "mlp.c_proj"),
];

pub(crate) const TIMM_BLOCK: Table = &[
    ("norm_1", "norm1"),
    ("norm_2", "norm2"),
    ("attention.qkv", "attn.qkv"),
    ("attention.out", "attn.proj"),
    ("fc_1", "mlp.fc1"),
    ("fc_2", "mlp.fc2"),
];

const OPEN_CLIP_VIT: Table = &[
    ("stem.Patch.projection", "conv1"),
    ("class_token", "class_embedding"),
    ("positions", "positional_embedding"),
    ("pre_norm", "ln_pre"),
    ("norm", "ln_post"),
];

pub(crate) const TIMM_VIT: Table = &[
    ("stem.Patch.projection", "patch_embed.proj"),
    ("positions", "pos_embed"),
    ("norm", "norm"),
    ("pool.latent", "attn_pool.latent"),
    ("pool.q", "attn_pool.q"),
    ("pool.kv", "attn_pool.kv"),
    ("pool.out", "attn_pool.proj"),
    ("pool.norm", "attn_pool.norm"),
    ("pool.fc_1", "attn_pool.mlp.fc1"),
    ("pool.fc_2", "attn_pool.mlp.fc2"),
];

const TEXT: Table = &[("tokens", "token_embedding"), ("positions", "positional_embedding"), ("norm", "ln_final")];

pub(crate) const RESIDUAL_BLOCK: Table = &[
    ("conv_1", "conv1"),
    ("conv_2", "conv2"),
    ("conv_3", "conv3"),
    ("norm_1", "bn1"),
    ("norm_2", "bn2"),
    ("norm_3", "bn3"),
    ("shortcut_conv", "downsample.0"),
    ("shortcut_norm", "downsample.1"),
];

const RESNET: Table = &[
    ("convs.0", "conv1"),
    ("convs.1", "conv2"),
    ("convs.2", "conv3"),
    ("norms.0", "bn1"),
    ("norms.1", "bn2"),
    ("norms.2", "bn3"),
    ("pool.positions", "attnpool.positional_embedding"),
    ("pool.q", "attnpool.q_proj"),
    ("pool.k", "attnpool.k_proj"),
    ("pool.v", "attnpool.v_proj"),
    ("pool.out", "attnpool.c_proj"),
];

/// How a module's tensor lies in the state dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// The same elements in the same order; axes of length one may come or go.
    Same,
    /// `[out, ...]` there, `[..., out]` here.
    Transposed,
}

/// What decides the names in one model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The image tower is timm's.
    timm: bool,
    /// Before the text tower's names.
    text: &'static str,
    /// The text projection is a linear layer, else a matrix.
    linear_projection: bool,
}

impl Names {
    pub(crate) fn of(config: &ModelConfig) -> Self {
        Names {
            timm: config.layout() == Layout::OpenClipTimm,
            text: if config.custom_text { "text." } else { "" },
            linear_projection: config.text_cfg.proj_bias,
        }
    }

    /// The name of a parameter of a dual encoder and how it lies there; none for a part that open_clip has not. Linear
    /// layers stand transposed, but for the two projections that CLIP stores as matrices.
    pub(crate) fn name(&self, path: &str) -> Option<(String, Lie)> {
        let lies = |name: String, path: &str| {
            const LINEAR: [&str; 9] =
                ["projection", "qkv", "out", "fc_1", "fc_2", "pool.q", "pool.k", "pool.v", "pool.kv"];
            let layer = path.strip_suffix(".weight");
            let transposed = layer.is_some_and(|layer| LINEAR.iter().any(|linear| layer.ends_with(linear)));
            (name, if transposed { Lie::Transposed } else { Lie::Same })
        };
        if let Some(path) = path.strip_prefix("image.Vit.") {
            let name = match self.timm {
                true => format!("visual.trunk.{}", transformer(path, "blocks", TIMM_BLOCK, TIMM_VIT)?),
                false => {
                    format!("visual.{}", transformer(path, "transformer.resblocks", OPEN_CLIP_BLOCK, OPEN_CLIP_VIT)?)
                }
            };
            return Some(lies(name, path));
        }
        if let Some(path) = path.strip_prefix("image.ModifiedResNet.") {
            return Some(lies(format!("visual.{}", resnet(path)?), path));
        }
        if let Some(path) = path.strip_prefix("text.") {
            let name = transformer(path, "transformer.resblocks", OPEN_CLIP_BLOCK, TEXT)?;
            return Some(lies(format!("{}{name}", self.text), path));
        }
        let projection = |part: &str| format!("{}text_projection{part}", self.text);
        Some(match path {
            "image_head.Linear.weight" => ("visual.proj".to_string(), Lie::Same),
            "text_head.Linear.weight" if self.linear_projection => (projection(".weight"), Lie::Transposed),
            "text_head.Linear.weight" => (projection(""), Lie::Same),
            "text_head.Linear.bias" => (projection(".bias"), Lie::Same),
            _ => return None,
        })
    }
}

/// A path in a transformer.
pub(crate) fn transformer(path: &str, blocks: &str, block: Table, table: Table) -> Option<String> {
    match path.strip_prefix("transformer.blocks.").and_then(|rest| rest.split_once('.')) {
        Some((index, rest)) => Some(format!("{blocks}.{index}.{}", look_up(rest, block)?)),
        None => look_up(path, table),
    }
}

fn resnet(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix("stages.") else { return look_up(path, RESNET) };
    let (stage, rest) = rest.split_once('.')?;
    let (block, rest) = rest.split_once('.')?;
    Some(format!("layer{}.{block}.{}", stage.parse::<usize>().ok()? + 1, look_up(rest, RESIDUAL_BLOCK)?))
}

/// What stands for the start of a path, with the rest behind it.
pub(crate) fn look_up(path: &str, table: Table) -> Option<String> {
    table.iter().find_map(|(ours, theirs)| {
        let rest = path.strip_prefix(ours)?;
        if rest.is_empty() {
            return Some(theirs.to_string());
        }
        let part = match rest.strip_prefix('.')? {
            "gamma" => "weight",
            "beta" => "bias",
            other => other,
        };
        let dot = if theirs.ends_with('_') { "" } else { "." };
        Some(format!("{theirs}{dot}{part}"))
    })
}

#[cfg(test)]
mod tests;
