//! What a module's parameter is called in timm.

use crate::names::{Lie, RESIDUAL_BLOCK, TIMM_BLOCK, TIMM_VIT, Table, look_up, transformer};

/// Beside what SigLIP's towers have.
const CLASS_TOKEN: Table = &[("class_token", "cls_token"), ("pre_norm", "norm_pre")];
const LAYER_SCALE: Table = &[("scale_1", "ls1.gamma"), ("scale_2", "ls2.gamma")];
const RESNET: Table = &[("conv_1", "conv1"), ("norm_1", "bn1")];
const CONVNEXT: Table = &[("stem_conv", "stem.0"), ("stem_norm", "stem.1"), ("norm", "head.norm")];
const CONVNEXT_STAGE: Table = &[("downsample_norm", "downsample.0"), ("downsample_conv", "downsample.1")];
const CONVNEXT_BLOCK: Table =
    &[("depthwise", "conv_dw"), ("norm", "norm"), ("fc_1", "mlp.fc1"), ("fc_2", "mlp.fc2"), ("scale", "gamma")];

/// The name of a parameter of an image encoder and how it lies there; none for a part that timm has not.
pub(crate) fn name_in_timm(path: &str) -> Option<(String, Lie)> {
    let (kind, path) = path.split_once('.')?;
    let name = match kind {
        "Vit" => vit(path)?,
        "ResNet" => resnet(path)?,
        "ConvNext" => convnext(path)?,
        _ => return None,
    };
    const LINEAR: [&str; 7] = [".projection", ".qkv", ".out", ".fc_1", ".fc_2", "pool.q", "pool.kv"];
    let layer = path.strip_suffix(".weight");
    let transposed = layer.is_some_and(|layer| LINEAR.iter().any(|linear| layer.ends_with(linear)));
    Some((name, if transposed { Lie::Transposed } else { Lie::Same }))
}

/// Whether a tensor belongs to what sorts pictures into classes, behind the vectors.
pub(crate) fn of_classifier(name: &str) -> bool {
    ["head", "fc", "head.fc"]
        .iter()
        .any(|layer| [".weight", ".bias"].iter().any(|part| name == format!("{layer}{part}")))
}

fn vit(path: &str) -> Option<String> {
    if let Some((index, rest)) = path.strip_prefix("transformer.blocks.").and_then(|rest| rest.split_once('.'))
        && let Some(name) = look_up(rest, LAYER_SCALE)
    {
        return Some(format!("blocks.{index}.{name}"));
    }
    look_up(path, CLASS_TOKEN).or_else(|| transformer(path, "blocks", TIMM_BLOCK, TIMM_VIT))
}

fn resnet(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix("stages.") else { return look_up(path, RESNET) };
    let (stage, rest) = rest.split_once('.')?;
    let (block, rest) = rest.split_once('.')?;
    Some(format!("layer{}.{block}.{}", stage.parse::<usize>().ok()? + 1, look_up(rest, RESIDUAL_BLOCK)?))
}

fn convnext(path: &str) -> Option<String> {
    let Some(rest) = path.strip_prefix("stages.") else { return look_up(path, CONVNEXT) };
    let (stage, rest) = rest.split_once('.')?;
    match rest.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        Some((block, rest)) => Some(format!("stages.{stage}.blocks.{block}.{}", look_up(rest, CONVNEXT_BLOCK)?)),
        None => Some(format!("stages.{stage}.{}", look_up(rest, CONVNEXT_STAGE)?)),
    }
}
