//! Models that hold published weights: open_clip's and transformers' numbers come out.

mod common;

use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use common::{golden_json, golden_weights};
use serde_json::Value;
use vlp_core::TextMode;
use vlp_encoders::{AnyImageEncoderConfig, DualEncoderConfig, LoraConfig, TransformerInit};
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

#[test]
fn adapters_go_out_merged_to_the_bit() {
    let golden = golden_json("open_clip.json");
    for name in ["vit_gelu", "siglip_timm", "rn"] {
        let device = Device::flex();
        device.seed(3);
        let plain = package(&golden["models"][name]).load(&device).unwrap();
        let lora = LoraConfig { rank: 2, alpha: 3.0, init_std: Some(0.2), ..LoraConfig::default() };
        let adapted = lora.apply(plain.model.clone()).unwrap();
        // Untrained adapters change nothing.
        let untrained =
            Pretrained { model: adapted.clone(), ..package(&golden["models"][name]).load(&device).unwrap() };
        let weights = |pretrained: &Pretrained| pretrained.to_package().unwrap().into_parts().0;
        let (ours, theirs) = (weights(&untrained), weights(&plain));
        assert!(theirs.names().all(|name| ours.get(name) == theirs.get(name)), "{name}");

        let trained = Pretrained { model: adapted.map(&mut Fill), ..untrained };
        let block = &trained.model.text.transformer.blocks[0].fc_1;
        let adapter = block.weight.adapter().unwrap();
        let merged = block.weight.base() + adapter.a.val().matmul(adapter.b.val()) * 1.5;
        let exported = weights(&trained);
        let prefix = if exported.contains("text.ln_final.weight") { "text." } else { "" };
        let saved = exported.get(&format!("{prefix}transformer.resblocks.0.mlp.c_fc.weight")).unwrap();
        assert_eq!(saved.to_f32().unwrap(), merged.transpose().into_data().try_into_vec::<f32>().unwrap(), "{name}");

        let side = golden["models"][name]["config"]["vision_cfg"]["image_size"].as_u64().unwrap() as usize;
        let pictures = inputs::images(3, side, &device);
        let loaded = trained.to_package().unwrap().load(&device).unwrap();
        let [theirs, ours, before] =
            [&loaded.model, &trained.model, &plain.model].map(|model| model.embed_images(pictures.clone()).into_data());
        theirs.assert_eq(&ours, true);
        assert_ne!(ours, before, "{name}");
    }
}

/// Gives the second factors values other than zero.
struct Fill;

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let zero = param.val().abs().max().into_scalar::<f32>() == 0.0;
        if zero && D == 2 { param.map(|value| value.random_like(Distribution::Normal(0.0, 0.1))) } else { param }
    }
}
