//! Presets against what open_clip and timm build under the same names: parameter counts and what decides the arithmetic.

use burn::tensor::Device;
use serde_json::{Value, json};
use vlp_encoders::{
    Activation, AnyImageEncoderConfig, DualEncoderConfig, ImagePooling, ModifiedResNetConfig, ProjectionConfig,
    StemConfig, TextPooling, TextTransformerConfig, VitConfig, parameter_count, preset, preset_names,
};
use vlp_testkit::golden;

fn file() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/presets.json")
}

fn hidden(width: usize, ratio: f64) -> usize {
    (width as f64 * ratio) as usize
}

fn name(activation: Activation) -> Value {
    serde_json::to_value(activation).unwrap()
}

fn vit(config: &VitConfig) -> Value {
    let StemConfig::Patch { size: patch } = config.stem else { panic!("presets cut patches") };
    let grid = (config.image_size / patch).pow(2);
    let (activation, hidden) = (name(config.activation), hidden(config.width, config.mlp_ratio));
    let mut facts = json!({
        "size": config.image_size, "patch": patch, "width": config.width, "depth": config.depth, "heads": config.heads,
        "hidden": hidden, "activation": activation, "eps": config.norm_eps,
    });
    let more = if config.pooling == ImagePooling::Map {
        assert!(config.stem_bias && !config.pre_norm);
        json!({
            "kind": "timm", "tokens": grid, "pool": "map", "pool_activation": activation, "pool_hidden": hidden,
            "pool_heads": config.heads, "pool_eps": config.norm_eps,
        })
    } else {
        assert!(!config.stem_bias);
        json!({
            "kind": "open_clip", "tokens": grid + 1, "ln_pre": config.pre_norm, "ln_after_pool": config.norm_after_pool,
            "pool": if config.pooling == ImagePooling::Class { "tok" } else { "avg" }, "layer_scale": config.layer_scale,
        })
    };
    facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    facts
}

fn resnet(config: &ModifiedResNetConfig) -> Value {
    json!({
        "kind": "rn", "size": config.image_size, "width": config.width, "layers": config.layers, "heads": config.heads,
        "output": config.output,
    })
}

fn text(config: &TextTransformerConfig, head: ProjectionConfig) -> Value {
    let (pool, eos) = match config.pooling {
        TextPooling::Argmax => ("argmax", None),
        TextPooling::Eot(id) => ("eos", Some(id)),
        TextPooling::First => ("first", None),
        TextPooling::Last => ("last", None),
    };
    json!({
        "context": config.context_length, "vocab": config.vocab_size, "width": config.width, "depth": config.depth,
        "heads": config.heads, "hidden": hidden(config.width, config.mlp_ratio), "activation": name(config.activation),
        "eps": config.norm_eps, "pool": pool, "eos": eos, "causal": config.causal,
        "head": serde_json::to_value(head).unwrap()["kind"],
    })
}

fn scalars(config: &DualEncoderConfig) -> usize {
    // The logit scale, and SigLIP's bias.
    if config.image_head == ProjectionConfig::Identity && matches!(config.image, AnyImageEncoderConfig::Vit(_)) {
        2
    } else {
        1
    }
}

#[test]
fn every_preset_of_open_clip_has_its_numbers_and_none_of_the_file_is_missing() {
    let device = Device::flex();
    let file = file();
    let models = file["open_clip"].as_object().unwrap();
    for (model, expected) in models {
        let config = preset(model).unwrap();
        assert_eq!(expected["embed_dim"], config.embed_dim, "{model}");
        let image = match &config.image {
            AnyImageEncoderConfig::Vit(config) => vit(config),
            AnyImageEncoderConfig::ModifiedResNet(config) => resnet(config),
            other => panic!("{model}: {other:?} is not open_clip's"),
        };
        assert_eq!(expected["image"], image, "{model}");
        assert_eq!(expected["text"], text(&config.text, config.text_head), "{model}");

        let built = config.init(&device).unwrap();
        let visual = parameter_count(&built.image) + parameter_count(&built.image_head);
        assert_eq!(expected["visual"], visual, "{model}");
        assert_eq!(expected["total"], parameter_count(&built) + scalars(&config), "{model}");
    }
    let ours = preset_names().into_iter().filter(|name| name.starts_with("ViT-") || name.starts_with("RN"));
    assert_eq!(ours.count(), models.len());
}

#[test]
fn backbones_have_timms_parameter_counts() {
    let device = Device::flex();
    for (model, expected) in file()["timm"].as_object().unwrap() {
        let image = preset(model).unwrap().image.init(&device).unwrap();
        assert_eq!(*expected, parameter_count(&image), "{model}");
    }
}

#[test]
fn clip_rockets_models_have_the_counts_of_its_code() {
    let device = Device::flex();
    // Totals of the reference with separate strong heads: both modalities' MLP heads of 4096 and two scales on top.
    let strong = |input: usize| {
        let head = ProjectionConfig::Mlp { hidden: 4096 }.init([input, 256], &device).unwrap();
        parameter_count(&head)
    };
    for (model, width, total) in
        [("R50", 2048, 133_516_354), ("VITS16MOCO", 384, 124_432_258), ("VITB16", 768, 190_236_418)]
    {
        let built = preset(model).unwrap().init(&device).unwrap();
        assert_eq!(parameter_count(&built) + strong(width) + strong(512) + 2, total, "{model}");
    }
}

#[test]
fn a_preset_survives_json_with_its_kind_named() {
    for model in ["RN50", "ViT-B-16-SigLIP2", "convnext_tiny", "resnet18"] {
        let config = preset(model).unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<DualEncoderConfig>(&text).unwrap(), config);
        let misspelt = text.replace("\"layers\"", "\"layer\"").replace("\"depth\"", "\"dept\"");
        assert!(serde_json::from_str::<DualEncoderConfig>(&misspelt).is_err());
    }
}
