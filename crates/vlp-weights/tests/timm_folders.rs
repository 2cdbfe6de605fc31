//! Folders of timm, and of transformers' models with a text tower of BERT's, against what wrote them
//! (`scripts/golden/timm_folders.py`).

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor};
use common::golden_json;
use serde_json::{Value, json};
use vlp_core::{ImageEncoder, TextMode};
use vlp_testkit::inputs;
use vlp_weights::{HfTextFolder, ImageSize, ReadLimits, ResizeModeName, TimmTower, WeightError};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/folders").join(name)
}

fn near(ours: Tensor<2>, theirs: &Value, what: &str) {
    let theirs: Vec<f32> = theirs
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_f64().unwrap() as f32)
        .collect();
    let ours: Vec<f32> = ours.into_data().try_into_vec().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (a, b) in ours.iter().zip(&theirs) {
        // 32-bit floats on both sides, sums in another order.
        assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{what}: {a} and {b}");
    }
}

fn read(folder: &Path) -> Result<Option<TimmTower>, WeightError> {
    TimmTower::read(folder, &ReadLimits::default(), &Device::flex())
}

#[test]
fn towers_of_timm_give_its_vectors() {
    let golden = golden_json("folders/vectors.json");
    for (name, classes) in [("timm_clip", false), ("timm_siglip", false), ("timm_convnext", true)] {
        let tower = read(&folder(name)).unwrap().unwrap();
        let vectors = tower.encoder.encode(inputs::images(2, 32, &Device::flex()));
        near(vectors, &golden["vectors"][name], name);
        assert_eq!(tower.warnings.len(), usize::from(classes), "{name}: {:?}", tower.warnings);
    }
}

/// As timm saves it by default: `pytorch_model.bin` alone.
#[test]
#[cfg_attr(not(feature = "pytorch"), ignore = "without the feature pytorch no .bin is read")]
fn a_bin_alone_is_read_and_its_classifier_left_out() {
    let golden = golden_json("folders/vectors.json");
    let tower = read(&folder("timm_plain")).unwrap().unwrap();
    near(tower.encoder.encode(inputs::images(2, 32, &Device::flex())), &golden["vectors"]["timm_plain"], "timm_plain");
    assert!(tower.warnings[0].contains("head.bias and head.weight"), "{:?}", tower.warnings);
}

/// A copy whose configuration is changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, config.to_string()).unwrap();
    copy
}

#[test]
fn pictures_are_prepared_as_timm_evaluates() {
    let preprocess = |change: fn(&mut Value)| read(changed("timm_clip", change).path()).unwrap().unwrap().preprocess;
    let cut = preprocess(|json| json["pretrained_cfg"]["crop_pct"] = json!(0.9));
    // floor(32 / 0.9)
    assert_eq!((cut.size, cut.resize), (ImageSize::Square(32), Some(ImageSize::Square(35))));
    let squashed = preprocess(|json| json["pretrained_cfg"]["crop_mode"] = json!("squash"));
    assert_eq!(squashed.resize_mode, ResizeModeName::Squash);
    let plain = preprocess(|json| json["pretrained_cfg"] = json!({"input_size": [3, 32, 32]}));
    assert_eq!((plain.resize, plain.mean), (Some(ImageSize::Square(36)), [0.485, 0.456, 0.406]));
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    let said = |change: fn(&mut Value)| {
        let error = read(changed("timm_clip", change).path()).unwrap_err().to_string();
        assert!(error.contains("config.json") || error.contains("architecture"), "{error}");
        error
    };
    assert!(
        said(|json| json["architecture"] = json!("eva02_base_patch16_clip_224"))
            .contains("eva02_base_patch16_clip_224")
    );
    assert!(said(|json| json["architecture"] = json!("fastvit_mci0")).contains("fastvit_mci0"));
    assert!(said(|json| json["model_args"]["reg_tokens"] = json!(4)).contains("model_args.reg_tokens = 4"));
    assert!(said(|json| json["model_args"]["in_chans"] = json!(1)).contains("in_chans"));
    assert!(said(|json| json["pretrained_cfg"]["crop_mode"] = json!("border")).contains("crop_mode"));
    assert!(said(|json| json["pretrained_cfg"]["crop_pct"] = json!(0)).contains("crop_pct"));
    assert!(said(|json| json["pretrained_cfg"]["input_size"] = json!([3, 32, 64])).contains("input_size"));
    assert!(said(|json| json["pretrained_cfg"]["mean"] = json!([0.5])).contains("mean"));
    assert!(said(|json| json["model_args"]["depth"] = json!(3)).contains("blocks.2."));
}

#[test]
fn a_model_of_clip_and_bert_gives_the_vectors_of_transformers() {
    let (golden, device) = (golden_json("folders/vectors.json"), Device::flex());
    let loaded = HfTextFolder::read(folder("vision_text"), &ReadLimits::default(), &device).unwrap().unwrap();
    near(loaded.model.model.embed_images(inputs::images(2, 32, &device)), &golden["vectors"]["vision_text"], "images");
    let tokens = [[2, 5, 9, 3, 0, 0, 0, 0], [2, 7, 8, 11, 12, 13, 14, 3]];
    let tokens = Tensor::<2, Int>::from_ints(tokens, &device);
    near(loaded.model.model.embed_texts(tokens, TextMode::Global), &golden["vision_text_texts"], "texts");
    assert_eq!((loaded.context_length, loaded.text.bert.pad_id), (8, 0));
    // There is no image processor in the folder.
    assert_eq!(loaded.warnings.len(), 1);

    let other = changed("vision_text", |json| json["text_config"]["model_type"] = json!("t5"));
    let error = HfTextFolder::read(other.path(), &ReadLimits::default(), &device).unwrap_err().to_string();
    assert!(error.contains("config.json") && error.contains("t5"), "{error}");
    assert!(HfTextFolder::read(folder("timm_clip"), &ReadLimits::default(), &device).unwrap().is_none());
    assert!(read(&folder("vision_text")).unwrap().is_none());
}
