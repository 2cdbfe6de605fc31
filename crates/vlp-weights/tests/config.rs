//! open_clip's and Hugging Face's model configurations.

mod common;

use std::collections::BTreeMap;

use common::{expected_shapes, golden_json, key_lists};
use vlp_weights::{ImageTower, ModelActivation, ModelConfig, WeightError, preset, presets};

#[test]
fn every_preset_has_as_many_parameters_as_in_open_clip() {
    let counts: BTreeMap<String, [u64; 3]> = serde_json::from_value(golden_json("parameter_counts.json")).unwrap();
    assert_eq!(presets().collect::<Vec<_>>(), counts.keys().collect::<Vec<_>>());
    assert_eq!(counts.len(), 81);
    for (name, counts) in counts {
        let ours = preset(&name).unwrap().parameter_count().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!([ours.total, ours.image, ours.text], counts, "{name}");
    }
}

#[test]
fn full_size_models_have_the_keys_and_shapes_of_open_clip() {
    for (title, name) in [
        ("ViT-B-32{}", "ViT-B-32"),
        ("ViT-B-32{'force_custom_text': True}", "ViT-B-32"),
        ("RN50{}", "RN50"),
        ("ViT-B-16-SigLIP{}", "ViT-B-16-SigLIP"),
    ] {
        let list = key_lists("keys_openclip.txt").into_iter().find(|list| list.title == title).unwrap();
        let mut config = preset(name).unwrap();
        config.custom_text |= title.contains("custom_text");
        let expected = expected_shapes(config.expected_tensors().unwrap());
        assert_eq!(expected.len(), list.tensors, "{title}");
        assert_eq!(config.parameter_count().unwrap().total, list.parameters, "{title}");
        for line in &list.lines {
            assert!(expected.contains(line), "{title}: {line:?}");
        }
        for (pattern, count) in &list.folded {
            let (first, last) = (pattern.split("{i}").next().unwrap(), pattern.rsplit("{i}").next().unwrap());
            let found = expected.iter().filter(|(name, _)| {
                let middle = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
                let pieces = pattern.matches("{i}").count();
                middle.is_some_and(|middle| {
                    middle.chars().next().is_some_and(|c| c.is_ascii_digit())
                        && middle.contains("downsample") == pattern.contains("downsample")
                        && (pieces > 1 || middle.parse::<usize>().is_ok())
                })
            });
            assert_eq!(found.count(), *count, "{title}: {pattern}");
        }
        let folded: usize = list.folded.iter().map(|(_, count)| count).sum();
        assert_eq!(list.lines.len() + folded, list.tensors, "{title}");
    }
}

#[test]
fn golden_models_have_the_keys_and_shapes_of_open_clip() {
    let golden = golden_json("open_clip.json");
    for (name, model) in golden["models"].as_object().unwrap() {
        let mut config = ModelConfig::from_json(&model["config"].to_string()).unwrap();
        config.custom_text |= model["keys"].as_object().unwrap().keys().any(|key| key.starts_with("text."));
        let theirs: BTreeMap<String, Vec<usize>> = serde_json::from_value(model["keys"].clone()).unwrap();
        let ours: BTreeMap<String, Vec<usize>> =
            expected_shapes(config.expected_tensors().unwrap()).into_iter().collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn what_is_written_reads_back_as_itself() {
    for name in presets() {
        let config = preset(name).unwrap();
        assert_eq!(ModelConfig::from_json(&config.to_json().to_string()).unwrap(), config, "{name}");
    }
}

#[test]
fn a_written_configuration_holds_no_key_that_the_original_has_not() {
    let originals: serde_json::Value = serde_json::from_str(include_str!("../presets/open_clip.json")).unwrap();
    for name in presets() {
        let (ours, original) = (preset(name).unwrap().to_json(), &originals[name]);
        let sizes = ["patch_size", "width", "layers", "image_size", "heads", "context_length", "vocab_size"];
        for part in ["vision_cfg", "text_cfg"] {
            for key in ours[part].as_object().unwrap().keys() {
                assert!(!original[part][key].is_null() || sizes.contains(&key.as_str()), "{name}: {part}.{key}");
            }
        }
    }
}

#[test]
fn activations_are_those_of_open_clip_and_timm() {
    let activations = |name: &str| {
        let towers = preset(name).unwrap().towers().unwrap();
        let ImageTower::Vit(image) = towers.image else { panic!("{name} is no ViT") };
        (image.activation, towers.text.activation)
    };
    use ModelActivation::{Gelu, GeluTanh, QuickGelu};
    assert_eq!(activations("ViT-B-32"), (Gelu, Gelu));
    assert_eq!(activations("ViT-B-32-quickgelu"), (QuickGelu, QuickGelu));
    assert_eq!(activations("ViT-B-16-SigLIP"), (Gelu, Gelu));
    assert_eq!(activations("ViT-B-16-SigLIP2"), (Gelu, GeluTanh));
    assert_eq!(activations("ViT-gopt-16-SigLIP2-256"), (GeluTanh, GeluTanh));
}

fn unsupported(json: &str) -> Vec<String> {
    match ModelConfig::from_json(json).unwrap().towers() {
        Err(WeightError::Unsupported { keys }) => keys,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_keys_without_a_native_counterpart_are_named() {
    let keys = unsupported(
        r#"{"embed_dim": 512, "multimodal_cfg": {}, "vision_cfg": {"timm_model_name": "convnext_base", "qk_norm": true},
            "text_cfg": {"hf_model_name": "roberta-base", "pool_type": "eos"}}"#,
    );
    for key in ["multimodal_cfg", "convnext_base", "qk_norm", "roberta-base", "pool_type"] {
        assert!(keys.iter().any(|said| said.contains(key)), "{key} is missing in {keys:?}");
    }
    let keys = unsupported(
        r#"{"embed_dim": 8, "vision_cfg": {"attentional_pool": "parallel"}, "text_cfg": {"text_arch": "modern"}}"#,
    );
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[test]
fn unknown_keys_and_impossible_sizes_are_refused() {
    let config = |json: &str| ModelConfig::from_json(json).and_then(|config| config.towers()).unwrap_err().to_string();
    let error = config(r#"{"embed_dim": 8, "vision_cfg": {"layer": 2}, "text_cfg": {}}"#);
    assert!(error.contains("unknown field `layer`"), "{error}");
    let error = config(r#"{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {}, "audio_cfg": {}}"#);
    assert!(error.contains("unknown field `audio_cfg`"), "{error}");
    let error = config(r#"{"embed_dim": 8, "vision_cfg": {"width": 200}, "text_cfg": {}}"#);
    assert!(error.contains("3 heads do not divide a width of 200"), "{error}");
    let error = config(r#"{"embed_dim": 8, "vision_cfg": {"layers": 9999999}, "text_cfg": {}}"#);
    assert!(error.contains("vision_cfg.layers is 9999999"), "{error}");
    let error = config(r#"{"embed_dim": 8, "vision_cfg": {}, "text_cfg": {"heads": 7}}"#);
    assert!(error.contains("7 heads do not divide a width of 512"), "{error}");
    let error = preset("vit_b_32").unwrap_err().to_string();
    assert!(error.contains("did you mean ViT-B-32"), "{error}");
}

#[test]
fn hugging_face_configurations_go_there_and_back() {
    let mut converted = 0;
    for name in presets() {
        let config = preset(name).unwrap();
        let Ok(json) = config.to_hugging_face() else { continue };
        let back = ModelConfig::from_hugging_face(&json.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut towers = config.towers().unwrap();
        // transformers' SigLIP configuration does not hold the scale's start.
        towers.log_scale = back.towers().unwrap().log_scale;
        assert_eq!(back.towers().unwrap(), towers, "{name}");
        converted += 1;
    }
    // All but ten ResNets, six CLIPA and five worldwide models (text without mask), ViT-M-16-alt (layer scale), and the
    // SigLIP i18n model without a text projection.
    assert_eq!(converted, 81 - 10 - 6 - 5 - 1 - 1);
}

#[test]
fn hugging_face_fixtures_are_read() {
    let read =
        |folder: &str| ModelConfig::from_hugging_face(&common::golden(&format!("{folder}/config.json"))).unwrap();
    let quick = read("hf_clip_quickgelu");
    assert!(quick.quick_gelu && quick.text_cfg.eos_id == Some(127) && quick.text_cfg.pool_type == "eos");
    let legacy = read("hf_clip_gelu_legacy_eos");
    assert!(!legacy.quick_gelu && legacy.text_cfg.pool_type == "argmax");
    let siglip = read("hf_siglip").towers().unwrap();
    let ImageTower::Vit(image) = siglip.image else { panic!("no ViT") };
    assert_eq!((image.activation, image.grid(), image.hidden), (ModelActivation::GeluTanh, 4, 96));
}
