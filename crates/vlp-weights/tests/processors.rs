//! Preprocessing as files in the wild ask for it, against transformers 5.24.0 and open_clip 3.3.0 (tests/generate/processors.py).

mod common;

use std::fs;
use std::path::Path;

use common::{golden, golden_json};
use serde_json::{Value, json};
use vlp_augment::Image;
use vlp_weights::{Format, ImageSize, Interpolation, Package, PreprocessConfig, PreprocessFamily};

/// One step of a byte in units of the smallest deviation, 0.2: a resized byte can be one off Pillow's.
const ONE_BYTE: f64 = 1.05 / 255.0 / 0.2;

fn picture(width: usize, height: usize) -> Image {
    let pixel = |at: usize| {
        let (y, x) = (at / width, at % width);
        [5 * x + 3 * y, x * y, 2 * x + y * y].map(|value| (value % 256) as u8)
    };
    Image::new(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

#[test]
fn pictures_are_prepared_as_transformers_and_open_clip_do() {
    let cases = golden_json("processors.json");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 51);
    for case in cases {
        let text = case["config"].to_string();
        let config = match case["kind"].as_str() {
            Some("hugging_face") => PreprocessConfig::from_hugging_face(&text),
            _ => PreprocessConfig::from_json(&text),
        };
        let config = config.unwrap_or_else(|error| panic!("{text}: {error}"));
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let what = format!("{text} on {} x {}", number("w"), number("h"));
        let [rows, columns] = config.size.height_width();
        assert_eq!(json!([rows, columns]), case["shape"], "{what}");
        let values = config.apply(picture(number("w"), number("h")));
        let points: Vec<[usize; 3]> = serde_json::from_value(case["points"].clone()).unwrap();
        for ([c, y, x], expected) in points.iter().zip(case["samples"].as_array().unwrap()) {
            let off = f64::from(values[(c * rows + y) * columns + x]) - expected.as_f64().unwrap();
            assert!(off.abs() < ONE_BYTE, "{what} at {c}, {y}, {x}: {off}");
        }
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
        assert!((mean - case["mean"].as_f64().unwrap()).abs() < 2e-3, "{what}: mean {mean}");
    }
}

fn fixture(folder: &Path, files: &[(&str, Value)]) -> std::path::PathBuf {
    let target = folder.join("model");
    let _ = fs::remove_dir_all(&target);
    fs::create_dir(&target).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hf_clip_quickgelu");
    for file in ["config.json", "model.safetensors"] {
        fs::copy(source.join(file), target.join(file)).unwrap();
    }
    for (name, json) in files {
        fs::write(target.join(name), json.to_string()).unwrap();
    }
    target
}

/// transformers 5 writes the image processor into `processor_config.json` and nothing else.
#[test]
fn a_processor_of_transformers_5_is_read_before_the_older_file() {
    let folder = tempfile::tempdir().unwrap();
    let config: Value = serde_json::from_str(&golden("hf_clip_quickgelu/config.json")).unwrap();
    let side = config["vision_config"]["image_size"].as_u64().unwrap() as usize;
    let size = json!({"height": side, "width": side});
    let nested = json!({"image_processor": {"image_processor_type": "CLIPImageProcessor", "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.25, 0.25, 0.25], "resample": 2, "crop_size": size, "size": {"shortest_edge": side}},
        "processor_class": "CLIPProcessor"});
    let older = json!({"crop_size": side, "size": side, "resample": 1});
    let read = |files: &[(&str, Value)]| Package::read(fixture(folder.path(), files), &Default::default());

    let both = read(&[("processor_config.json", nested.clone()), ("preprocessor_config.json", older.clone())]).unwrap();
    assert_eq!((both.preprocess().mean, both.preprocess().std), ([0.5; 3], [0.25; 3]));
    assert_eq!(both.preprocess().interpolation, Interpolation::Bilinear);
    assert!(both.warnings().is_empty());
    // An export carries it on.
    for format in [Format::OpenClip, Format::HuggingFace] {
        both.export(format, folder.path().join("out")).unwrap();
        let back = Package::read(folder.path().join("out"), &Default::default()).unwrap();
        assert_eq!((back.preprocess().mean, back.preprocess().interpolation), ([0.5; 3], Interpolation::Bilinear));
    }
    // transformers 4 writes one without an image processor in it, beside the older file.
    let plain = json!({"processor_class": "CLIPProcessor"});
    let four = read(&[("processor_config.json", plain), ("preprocessor_config.json", older)]).unwrap();
    let clip = PreprocessConfig::of(PreprocessFamily::Clip, side);
    assert_eq!((four.preprocess().mean, four.preprocess().interpolation), (clip.mean, Interpolation::Lanczos));
    // Without either, the family's, and a word about it.
    let none = read(&[]).unwrap();
    assert!(none.warnings()[0].contains("processor_config.json"), "{:?}", none.warnings());

    let refused = |image_processor: Value, words: &str| {
        let file = json!({"image_processor": image_processor});
        let error = read(&[("processor_config.json", file)]).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("processor_config.json"), "{error}");
    };
    refused(json!({"image_processor_type": "Siglip2ImageProcessor"}), "Siglip2ImageProcessor");
    refused(json!({"do_pad": true}), "do_pad");
    refused(json!({"do_resize": false}), "do_resize");
    refused(json!({"size": {"longest_edge": 32}}), "longest_edge");
    // The default of the class is 224, which this model does not read.
    let error = read(&[("processor_config.json", json!({"image_processor": {}}))]).unwrap_err().to_string();
    assert!(error.contains("224 x 224") && error.contains(&format!("{side} x {side}")), "{error}");
}

#[test]
fn what_open_clip_cannot_say_is_refused_on_export() {
    let cut = PreprocessConfig { resize: Some(ImageSize::Square(256)), ..PreprocessConfig::default() };
    assert!(cut.to_json().unwrap_err().to_string().contains("256"));
    let hf = cut.to_hugging_face().unwrap();
    assert_eq!((&hf["size"], &hf["crop_size"]["height"]), (&json!({"shortest_edge": 256}), &json!(224)));
    let back = PreprocessConfig::from_hugging_face(&hf.to_string()).unwrap();
    assert_eq!(back.resize, cut.resize);
}
