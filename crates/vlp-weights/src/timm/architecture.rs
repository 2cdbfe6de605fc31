//! timm's architectures by name: what a name and `model_args` stand for.

use serde_json::{Map, Value};
use vlp_encoders::{
    Activation, AnyImageEncoderConfig, ConvNextConfig, ImagePooling, ResNetBlock, ResNetConfig, StemConfig, VitConfig,
};

use crate::config::{ImageSize, mlp_ratio, trunk, with_arguments};
use crate::dual::image_tower;
use crate::{StateDict, WeightError};

const WHAT: &str = "this timm configuration";

/// Arguments that leave the vectors as they are.
const IDLE: [&str; 10] = [
    "num_classes",
    "pretrained",
    "drop_rate",
    "drop_path_rate",
    "proj_drop_rate",
    "attn_drop_rate",
    "pos_drop_rate",
    "patch_drop_rate",
    "dynamic_img_size",
    "in_chans",
];

/// The encoder that a configuration describes. A vision transformer's MLP is as wide as the weights say.
pub(super) fn read(json: &Value, weights: &StateDict, size: ImageSize) -> Result<AnyImageEncoderConfig, WeightError> {
    let named = json["architecture"].as_str().unwrap_or_default();
    // Behind the dot stands which weights they are.
    let name = named.split('.').next().unwrap_or_default();
    let mut arguments = json["model_args"].as_object().cloned().unwrap_or_default();
    if arguments.get("in_chans").is_some_and(|channels| *channels != 3) {
        return Err(WeightError::config(
            WHAT,
            format!("model_args.in_chans is {}, only 3 is read", arguments["in_chans"]),
        ));
    }
    arguments.retain(|key, _| !IDLE.contains(&key.as_str()));
    if let Some(side) = arguments.get("img_size").and_then(square) {
        arguments.insert("img_size".to_string(), side.into());
    }
    let known = resnet(name, pooled_by(&arguments, "avg"))
        .or_else(|| convnext(name, pooled_by(&arguments, "avg")))
        .or_else(|| siglip(name, &pooled_by(&arguments, "map"), size))
        .or_else(|| vit(name, arguments.clone(), weights, size));
    match known {
        Some(Ok(config)) => Ok(config),
        Some(Err(key)) => Err(WeightError::config(WHAT, format!("model_args.{key} is not known here"))),
        None => {
            let known = "resnet18 to resnet152, convnext_atto to convnext_xlarge, vit_SIZE_patchN_SIDE, vit_SIZE_patchN_clip_SIDE and \
                         vit_*_siglip_* are";
            Err(WeightError::config(WHAT, format!("architecture {named} is none that is read; {known}")))
        }
    }
}

type Read = Option<Result<AnyImageEncoderConfig, String>>;

/// What is left of the arguments is not known.
fn unless_unknown(arguments: &Map<String, Value>, config: AnyImageEncoderConfig) -> Read {
    Some(match arguments.iter().next() {
        Some((key, value)) => Err(format!("{key} = {value}")),
        None => Ok(config),
    })
}

/// The arguments without a pooling that is the architecture's own.
fn pooled_by(arguments: &Map<String, Value>, pool: &str) -> Map<String, Value> {
    let mut arguments = arguments.clone();
    arguments.retain(|key, value| !(key == "global_pool" && value == pool));
    arguments
}

fn resnet(name: &str, arguments: Map<String, Value>) -> Read {
    let (block, layers) = match name {
        "resnet18" => (ResNetBlock::Basic, [2, 2, 2, 2]),
        "resnet34" => (ResNetBlock::Basic, [3, 4, 6, 3]),
        "resnet50" => (ResNetBlock::Bottleneck, [3, 4, 6, 3]),
        "resnet101" => (ResNetBlock::Bottleneck, [3, 4, 23, 3]),
        "resnet152" => (ResNetBlock::Bottleneck, [3, 8, 36, 3]),
        _ => return None,
    };
    unless_unknown(&arguments, AnyImageEncoderConfig::ResNet(ResNetConfig { block, layers, ..ResNetConfig::default() }))
}

fn convnext(name: &str, mut arguments: Map<String, Value>) -> Read {
    let (mut layers, width) = match name.strip_prefix("convnext_")? {
        "atto" => ([2, 2, 6, 2], 40),
        "femto" => ([2, 2, 6, 2], 48),
        "pico" => ([2, 2, 6, 2], 64),
        "nano" => ([2, 2, 8, 2], 80),
        "tiny" => ([3, 3, 9, 3], 96),
        "small" => ([3, 3, 27, 3], 96),
        "base" => ([3, 3, 27, 3], 128),
        "large" => ([3, 3, 27, 3], 192),
        "xlarge" => ([3, 3, 27, 3], 256),
        _ => return None,
    };
    let mut channels = [1, 2, 4, 8].map(|times| times * width);
    for (key, sizes) in [("depths", &mut layers), ("dims", &mut channels)] {
        let Some(value) = arguments.remove(key) else { continue };
        let list =
            value.as_array().map(|list| list.iter().filter_map(|n| Some(n.as_u64()? as usize)).collect::<Vec<_>>());
        match list.and_then(|list| <[usize; 4]>::try_from(list).ok()) {
            Some(four) => *sizes = four,
            None => return Some(Err(format!("{key} = {value}"))),
        }
    }
    // 1x1 convolutions are linear layers.
    arguments.remove("conv_mlp");
    let config = ConvNextConfig { layers, channels, ..ConvNextConfig::default() };
    unless_unknown(&arguments, AnyImageEncoderConfig::ConvNext(config))
}

fn siglip(name: &str, arguments: &Map<String, Value>, size: ImageSize) -> Read {
    let mut tower = trunk(name)?;
    tower.image_size = size.height_width()[0];
    Some(
        with_arguments(tower, arguments)
            .map(|tower| image_tower(&tower))
            .map_err(|key| key.replace("timm_model_kwargs.", "")),
    )
}

fn vit(name: &str, mut arguments: Map<String, Value>, weights: &StateDict, size: ImageSize) -> Read {
    let (family, rest) = name.strip_prefix("vit_")?.split_once("_patch")?;
    let (patch, rest) = rest.split_once('_')?;
    let (clip, quick, side) = match (rest.strip_prefix("clip_quickgelu_"), rest.strip_prefix("clip_")) {
        (Some(side), _) => (true, true, side),
        (None, Some(side)) => (true, false, side),
        (None, None) => (false, false, rest),
    };
    side.parse::<usize>().ok()?;
    let (width, depth, heads) = match family {
        "tiny" => (192, 12, 3),
        "small" => (384, 12, 6),
        "base" => (768, 12, 12),
        "large" => (1024, 24, 16),
        "huge" => (1280, 32, 16),
        "giant" => (1408, 40, 16),
        "gigantic" => (1664, 48, 16),
        _ => return None,
    };
    let mut config = VitConfig {
        image_size: size.height_width()[0],
        stem: StemConfig::Patch { size: patch.parse().ok()? },
        width,
        depth,
        heads,
        activation: if quick { Activation::QuickGelu } else { Activation::Gelu },
        pooling: ImagePooling::Class,
        pre_norm: clip,
        norm_eps: if clip { 1e-5 } else { 1e-6 },
        ..VitConfig::default()
    };
    for (key, value) in std::mem::take(&mut arguments) {
        let number = || value.as_u64().map(|n| n as usize);
        let known = match key.as_str() {
            "img_size" => number().map(|side| config.image_size = side),
            "patch_size" => number().map(|size| config.stem = StemConfig::Patch { size }),
            "embed_dim" => number().map(|n| config.width = n),
            "depth" => number().map(|n| config.depth = n),
            "num_heads" => number().map(|n| config.heads = n),
            "mlp_ratio" => value.as_f64().map(|_| ()),
            "init_values" if value.is_null() => Some(()),
            "init_values" => value.as_f64().map(|start| config.layer_scale = Some(start)),
            "pre_norm" => value.as_bool().map(|pre_norm| config.pre_norm = pre_norm),
            "global_pool" => (value == "token").then_some(()),
            "act_layer" => match value.as_str() {
                Some("gelu") => Some(Activation::Gelu),
                Some("gelu_tanh") => Some(Activation::GeluTanh),
                Some("quick_gelu") => Some(Activation::QuickGelu),
                _ => None,
            }
            .map(|activation| config.activation = activation),
            _ => None,
        };
        if known.is_none() {
            return Some(Err(format!("{key} = {value}")));
        }
    }
    // In front of a layer normalisation a bias would be taken away again.
    config.stem_bias = !config.pre_norm;
    let StemConfig::Patch { size: patch } = config.stem else { return None };
    config.crop_border = patch > 0 && !config.image_size.is_multiple_of(patch);
    if let Some(hidden) = weights.get("blocks.0.mlp.fc1.bias").filter(|_| config.width > 0) {
        config.mlp_ratio = mlp_ratio(hidden.len(), config.width);
    }
    Some(Ok(AnyImageEncoderConfig::Vit(config)))
}

/// The side of `[side, side]`.
fn square(value: &Value) -> Option<usize> {
    let [height, width] = value.as_array()?.as_slice() else { return None };
    (height == width).then(|| height.as_u64().map(|side| side as usize))?
}
