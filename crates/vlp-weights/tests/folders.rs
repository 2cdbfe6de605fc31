//! Folders as other tools leave them: open_clip's own saver, shards, other names, doubled configurations.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::with_values;
use serde_json::{Value, json};
use vlp_weights::{Format, ModelConfig, Package, PreprocessConfig, ReadLimits, StateDict};

/// A CLIP for pictures of 48 pixels.
const MODEL: &str = r#"{"embed_dim": 8,
    "vision_cfg": {"image_size": 48, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": 7, "vocab_size": 20, "width": 8, "heads": 2, "layers": 1}}"#;

fn package() -> Package {
    let config = ModelConfig::from_json(MODEL).unwrap();
    let preprocess = PreprocessConfig::for_model(&config).unwrap();
    Package::new(with_values(config.expected_tensors().unwrap()), config, preprocess).unwrap()
}

fn read(folder: &Path) -> Result<Package, vlp_weights::WeightError> {
    Package::read(folder, &ReadLimits::default())
}

/// An exported folder whose weights carry no configuration of their own.
fn plain(folder: &Path, format: Format) -> PathBuf {
    let target = folder.join("model");
    let _ = fs::remove_dir_all(&target);
    package().export(format, &target).unwrap();
    let file =
        target.join(if format == Format::OpenClip { "open_clip_model.safetensors" } else { "model.safetensors" });
    let mut weights = StateDict::read(&file, &ReadLimits::default()).unwrap();
    weights.metadata.clear();
    weights.write_safetensors(&file).unwrap();
    target
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
}

/// open_clip 3.3.0 takes the size from the model, whatever `preprocess_cfg` says; its own saver never writes one.
#[test]
fn open_clips_size_is_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let target = plain(folder.path(), Format::OpenClip);
    let config = target.join("open_clip_config.json");
    for preprocess in [
        json!({}),
        json!(null),
        json!({"size": 224}),
        json!({"size": [224, 224]}),
        json!({"size": "any"}),
        json!({"mean": [0.5, 0.5, 0.5], "std": 0.5, "added_since": {"a": 1}}),
    ] {
        edit(&config, |json| json["preprocess_cfg"] = preprocess.clone());
        let package = read(&target).unwrap_or_else(|error| panic!("{preprocess}: {error}"));
        assert_eq!(package.preprocess().size.height_width(), [48, 48], "{preprocess}");
        let unknown = preprocess.get("added_since").is_some();
        assert_eq!(package.warnings().iter().any(|warning| warning.contains("added_since")), unknown);
        let mean = if unknown { [0.5; 3] } else { PreprocessConfig::default().mean };
        assert_eq!(package.preprocess().mean, mean, "{preprocess}");
    }
    edit(&config, |json| json["preprocess_cfg"] = json!({"resize_mode": "stretch"}));
    let error = read(&target).unwrap_err().to_string();
    assert!(error.contains("stretch") && error.contains("open_clip_config.json"), "{error}");
    edit(&config, |json| *json = json!({"preprocess_cfg": {}}));
    let error = read(&target).unwrap_err().to_string();
    assert!(error.contains("model_cfg") && error.contains("open_clip_config.json"), "{error}");
}

/// As transformers reads it, `*_config_dict` takes the place of `*_config`, defaults included.
#[test]
fn doubled_configurations_of_old_files_override() {
    let package = package();
    let plain = package.config().to_hugging_face().unwrap();
    let read = |json: &Value| ModelConfig::from_hugging_face(&json.to_string());
    assert_eq!(read(&plain).unwrap().text_cfg.layers, 1);
    let mut doubled = plain.clone();
    doubled["text_config_dict"] = plain["text_config"].clone();
    doubled["text_config_dict"]["num_hidden_layers"] = json!(3);
    doubled["vision_config_dict"] =
        json!({"hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 96, "hidden_act": "gelu"});
    let config = read(&doubled).unwrap();
    assert_eq!((config.text_cfg.layers, config.vision_cfg.width), (3, 24));
    // Not 48: what the dict leaves out has its default.
    assert_eq!(config.vision_cfg.image_size.height_width(), [224, 224]);
    doubled["vision_config_dict"] = json!(null);
    assert_eq!(read(&doubled).unwrap().vision_cfg.image_size.height_width(), [48, 48]);
    doubled["vision_config_dict"] = json!("none");
    assert!(read(&doubled).unwrap_err().to_string().contains("vision_config_dict"));
}

/// Cuts the weights of a folder in two and writes an index.
fn shard(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.safetensors"));
    let all = StateDict::read(&file, &ReadLimits::default()).unwrap();
    fs::remove_file(&file).unwrap();
    let mut map = serde_json::Map::new();
    let mut parts = [StateDict::new(), StateDict::new()];
    for (number, (tensor, values)) in all.into_iter().enumerate() {
        map.insert(tensor.clone(), json!(format!("{name}-0000{}-of-00002.safetensors", number % 2 + 1)));
        parts[number % 2].insert(tensor, values);
    }
    for (number, part) in parts.into_iter().enumerate() {
        part.write_safetensors(folder.join(format!("{name}-0000{}-of-00002.safetensors", number + 1))).unwrap();
    }
    let index = folder.join(format!("{name}.safetensors.index.json"));
    fs::write(&index, json!({"metadata": {"total_size": 1}, "weight_map": map}).to_string()).unwrap();
    index
}

#[test]
fn shards_are_read_by_their_index() {
    let folder = tempfile::tempdir().unwrap();
    for (format, name) in [(Format::HuggingFace, "model"), (Format::OpenClip, "open_clip_model")] {
        let target = plain(folder.path(), format);
        let whole = read(&target).unwrap();
        let index = shard(&target, name);
        let package = read(&target).unwrap();
        assert_eq!(package.weights(), whole.weights());
        assert_eq!(Package::read(&index, &ReadLimits::default()).unwrap().weights(), whole.weights());
        let needed: u64 = whole.weights().iter().map(|(_, tensor)| tensor.bytes().len() as u64).sum();
        assert!(Package::read(&target, &ReadLimits { bytes: needed - 1, ..ReadLimits::default() }).is_err());

        let refused = |words: [&str; 2]| {
            let error = read(&target).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
        };
        let second = target.join(format!("{name}-00002-of-00002.safetensors"));
        let bytes = fs::read(&second).unwrap();
        fs::write(&second, &bytes[..bytes.len() - 9]).unwrap();
        refused(["00002-of-00002", "safetensors"]);
        fs::remove_file(&second).unwrap();
        refused(["index.json", "00002-of-00002"]);
        fs::write(&second, &bytes).unwrap();
        edit(&index, |json| json["weight_map"]["extra"] = json!("../other.safetensors"));
        refused(["index.json", "../other.safetensors"]);
        edit(&index, |json| json["weight_map"]["extra"] = json!(format!("{name}-00001-of-00002.safetensors")));
        refused(["index.json", "`extra`"]);
        fs::remove_file(&index).unwrap();
        refused(["-of-00002", "index"]);
    }
}

/// The names that open_clip 3.3.0 looks for, in its order, then any other.
#[test]
fn weights_are_found_under_open_clips_names() {
    let folder = tempfile::tempdir().unwrap();
    let target = plain(folder.path(), Format::OpenClip);
    let weights = fs::read(target.join("open_clip_model.safetensors")).unwrap();
    fs::remove_file(target.join("open_clip_model.safetensors")).unwrap();
    assert!(read(&target).unwrap_err().to_string().contains("open_clip_model.safetensors"));
    let names =
        ["zzz.safetensors", "model.pth", "pytorch_model.pth", "model.safetensors", "open_clip_pytorch_model.bin"];
    let mut before: Option<PathBuf> = None;
    for name in names {
        fs::write(target.join(name), &weights).unwrap();
        read(&target).unwrap_or_else(|error| panic!("{name}: {error}"));
        // What was taken until now no longer counts.
        if let Some(before) = before.replace(target.join(name)) {
            fs::write(before, b"no weights").unwrap();
            read(&target).unwrap_or_else(|error| panic!("{name} comes first: {error}"));
        }
    }
}

#[test]
fn a_tokenizer_beside_the_weights_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let target = plain(folder.path(), Format::HuggingFace);
    let out = folder.path().join("out");
    let remarks = read(&target).unwrap().export(Format::HuggingFace, &out).unwrap();
    assert!(remarks[0].contains("tokenizer.json"), "{remarks:?}");
    for (name, text) in
        [("tokenizer.json", "{}"), ("tokenizer_config.json", r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#)]
    {
        fs::write(target.join(name), text).unwrap();
    }
    let package = read(&target).unwrap();
    assert_eq!(package.tokenizer_files().collect::<Vec<_>>(), ["tokenizer.json", "tokenizer_config.json"]);
    for format in [Format::OpenClip, Format::HuggingFace] {
        assert!(package.export(format, &out).unwrap().is_empty());
        assert_eq!(
            fs::read_to_string(out.join("tokenizer_config.json")).unwrap(),
            r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#
        );
    }
    // Without settings transformers 5 takes a class by the model, which has a normaliser of its own.
    fs::remove_file(target.join("tokenizer_config.json")).unwrap();
    let words = json!({"added_tokens": [{"id": 1, "content": "</s>"}], "normalizer": {"type": "NFC"}, "model": {"vocab": {"a": 0}}});
    fs::write(target.join("tokenizer.json"), words.to_string()).unwrap();
    assert!(read(&target).unwrap().export(Format::HuggingFace, &out).unwrap().is_empty());
    let settings: Value = serde_json::from_slice(&fs::read(out.join("tokenizer_config.json")).unwrap()).unwrap();
    let expected = json!({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "</s>"});
    assert_eq!(settings, expected);
    fs::write(target.join("tokenizer_config.json"), r#"{"tokenizer_class": "CLIPTokenizer"}"#).unwrap();
    let remarks = read(&target).unwrap().export(Format::HuggingFace, &out).unwrap();
    assert!(remarks[0].contains("normaliser") && remarks[0].contains("CLIPTokenizer"), "{remarks:?}");
    let error = package.with_tokenizer([("config.json", Vec::new())]).unwrap_err().to_string();
    assert!(error.contains("config.json"), "{error}");
}
