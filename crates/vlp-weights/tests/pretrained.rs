//! Models that hold published weights: open_clip's and transformers' numbers come out.

mod common;

use std::path::Path;

use burn::tensor::{Device, Tensor};
use common::{golden_json, golden_weights};
use serde_json::Value;
use vlp_core::TextMode;
use vlp_encoders::{AnyImageEncoderConfig, DualEncoderConfig, TransformerInit};
use vlp_testkit::golden::{assert_close, numbers};
use vlp_testkit::inputs;
use vlp_weights::{
    DType, Format, ModelConfig, Package, PreprocessConfig, Pretrained, ReadLimits, StateDict, load_dual, preset,
    presets,
};

/// 32-bit floats against the reference's 64.
const TOLERANCE: f64 = 1e-4;

const MODELS: [&str; 6] = ["vit_gelu", "vit_quickgelu", "vit_clipa_style", "vit_layerscale", "rn", "siglip_timm"];
const FIXTURES: [&str; 3] = ["hf_clip_quickgelu", "hf_clip_gelu_legacy_eos", "hf_siglip"];

fn package(model: &Value) -> Package {
    let mut config = ModelConfig::from_json(&model["config"].to_string()).unwrap();
    config.custom_text |= config.vision_cfg.timm_model_name.is_some();
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    Package::new(golden_weights(model), config, preprocess).unwrap()
}

fn fixture(name: &str) -> Package {
    Package::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name), &ReadLimits::default())
        .unwrap()
}

fn normalised(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / norm
}

fn check(name: &str, pretrained: &Pretrained, side: usize, [length, vocab]: [usize; 2], golden: &Value) {
    let device = Device::flex();
    let image = pretrained.model.embed_images(inputs::images(3, side, &device));
    let text = pretrained.model.embed_texts(inputs::texts(3, length, vocab, &device), TextMode::Global);
    assert_close(&format!("{name}, images"), image.clone(), &numbers(&golden["image_features"]), 0.0, TOLERANCE);
    assert_close(&format!("{name}, texts"), text.clone(), &numbers(&golden["text_features"]), 0.0, TOLERANCE);
    let scale = f64::from(pretrained.log_scale).exp();
    let logits = normalised(image).matmul(normalised(text).transpose()) * scale;
    let logits = logits + f64::from(pretrained.bias.unwrap_or(0.0));
    assert_close(&format!("{name}, logits"), logits, &numbers(&golden["logits_per_image"]), 0.0, TOLERANCE);
}

#[test]
fn six_models_of_open_clip_give_its_features_and_logits() {
    let golden = golden_json("open_clip.json");
    for name in MODELS {
        let model = &golden["models"][name];
        let pretrained = package(model).load(&Device::flex()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let side = model["config"]["vision_cfg"]["image_size"].as_u64().unwrap() as usize;
        check(name, &pretrained, side, [16, 128], model);
    }
}

#[test]
fn three_folders_of_transformers_give_its_features_and_logits() {
    let golden = golden_json("hugging_face.json");
    for name in FIXTURES {
        let case = &golden["hf"][name];
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let pretrained = fixture(name).load(&Device::flex()).unwrap();
        check(name, &pretrained, size("size"), [size("context"), size("vocab")], case);
    }
}

#[test]
fn weights_come_out_of_a_model_as_they_went_in() {
    let golden = golden_json("open_clip.json");
    let packages = MODELS.iter().map(|name| (*name, package(&golden["models"][name])));
    for (name, package) in packages.chain(FIXTURES.iter().map(|name| (*name, fixture(name)))) {
        let back = package.clone().load(&Device::flex()).unwrap().to_package().unwrap();
        let names: Vec<&str> = package.weights().names().collect();
        assert_eq!(back.weights().names().collect::<Vec<_>>(), names, "{name}");
        for (tensor, original) in package.weights().iter() {
            assert!(back.weights().get(tensor) == Some(original), "{name}: {tensor} differs");
        }
    }
}

#[test]
fn a_folder_of_transformers_survives_the_way_through_a_model_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let package = fixture(name).load(&Device::flex()).unwrap().to_package().unwrap();
        let path = folder.path().join(name);
        package.export(Format::HuggingFace, &path).unwrap();
        let read = |path: &Path| StateDict::read(path.join("model.safetensors"), &ReadLimits::default()).unwrap();
        let original = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name));
        assert!(read(&path).iter().eq(original.iter()), "{name}");
    }
}

#[test]
fn half_precision_weights_load_as_full_ones() {
    let golden = golden_json("open_clip.json");
    let model = &golden["models"]["vit_gelu"];
    let half = golden_weights(model).cast_floats(DType::BF16).unwrap();
    let config = ModelConfig::from_json(&model["config"].to_string()).unwrap();
    let pretrained = load_dual(half.clone(), config, &Device::flex()).unwrap();
    let back = pretrained.to_package().unwrap().into_parts().0.cast_floats(DType::BF16).unwrap();
    assert!(back.iter().eq(half.iter()));
}

#[test]
fn other_picture_sizes_and_text_lengths_give_open_clips_features() {
    let (golden, resized) = (golden_json("open_clip.json"), golden_json("resized.json"));
    let device = Device::flex();
    for case in resized["cases"].as_array().unwrap() {
        let name = case["model"].as_str().unwrap();
        let package = package(&golden["models"][name]);
        if let Some(side) = case["image_size"].as_u64().map(|side| side as usize) {
            let package = package.with_image_size(side).unwrap();
            assert_eq!(package.preprocess().size.height_width(), [side; 2]);
            let model = package.load(&device).unwrap().model;
            let features = model.embed_images(inputs::images(3, side, &device));
            assert_close(name, features, &numbers(&case["image_features"]), 0.0, TOLERANCE);
        } else {
            let length = case["context_length"].as_u64().unwrap() as usize;
            let model = package.with_context_length(length).unwrap().load(&device).unwrap().model;
            let features = model.embed_texts(inputs::texts(3, length, 128, &device), TextMode::Global);
            assert_close(name, features, &numbers(&case["text_features"]), 0.0, TOLERANCE);
        }
    }
    let error = package(&golden["models"]["rn"]).with_image_size(100).unwrap_err().to_string();
    assert!(error.contains("no multiple of 32"), "{error}");
    let wide = package(&golden["models"]["rn"]).with_image_size(96).unwrap();
    assert_eq!(wide.weights().get("visual.attnpool.positional_embedding").unwrap().shape(), [10, 256]);
}

/// A model without how its weights start, which weights make up for.
fn started(mut config: DualEncoderConfig) -> DualEncoderConfig {
    if let AnyImageEncoderConfig::Vit(vit) = &mut config.image {
        vit.init = TransformerInit::Timm;
        vit.layer_scale = vit.layer_scale.map(|_| 0.0);
        vit.mlp_ratio = (vit.width as f64 * vit.mlp_ratio).floor();
    }
    config.text.mlp_ratio = (config.text.width as f64 * config.text.mlp_ratio).floor();
    config
}

#[test]
fn presets_are_the_encoders_of_the_same_name() {
    let known = vlp_encoders::preset_names();
    for name in presets() {
        assert!(known.iter().any(|known| known == name), "{name}");
        let ours = preset(name).unwrap().towers().unwrap().dual_encoder();
        assert_eq!(started(ours), started(vlp_encoders::preset(name).unwrap()), "{name}");
    }
}
