//! Preprocessing against open_clip's on Pillow, and its two file formats.

mod common;

use common::{crc32, golden_json};
use serde_json::{Value, json};
use vlp_augment::{Image, Normalization};
use vlp_weights::{ImageSize, Interpolation, PreprocessConfig, PreprocessFamily, ResizeModeName, preset};

/// `rgb = (5x + 3y, x y, 2x + y y)` modulo 256.
fn picture(width: usize, height: usize) -> Image {
    let pixel = |y: usize, x: usize| [5 * x + 3 * y, x * y, 2 * x + y * y].map(|value| value as u8);
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(y, x))).collect();
    Image::new(width, height, pixels).unwrap()
}

/// A byte may differ by one from Pillow's, whose weights have more bits: 1 / 255 / 0.26 = 0.0151.
const ONE_BYTE: f64 = 0.0153;

#[test]
fn all_thirty_cases_equal_open_clip() {
    let golden = &golden_json("open_clip.json")["preprocess"];
    let points: Vec<[usize; 3]> = serde_json::from_value(golden["sample_points_c_y_x"].clone()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 30);
    for case in cases {
        let config = json!({
            "size": case["size"], "interpolation": case["interpolation"], "resize_mode": case["resize_mode"],
        });
        let config = PreprocessConfig::from_json(&config.to_string()).unwrap();
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let values = config.apply(picture(size("w"), size("h")));
        let side = size("size");
        let what = format!("{} x {} {} {}", size("w"), size("h"), case["resize_mode"], case["interpolation"]);
        assert_eq!(values.len(), 3 * side * side, "{what}");
        for ([c, y, x], expected) in points.iter().zip(case["samples"].as_array().unwrap()) {
            let value = f64::from(values[(c * side + y) * side + x]);
            assert!(
                (value - expected.as_f64().unwrap()).abs() < ONE_BYTE,
                "{what} at {c}, {y}, {x}: {value} {expected}"
            );
        }
        let count = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / (count - 1.0);
        // Rounding errors of single bytes cancel over 3072 values.
        assert!((mean - case["mean"].as_f64().unwrap()).abs() < 1e-3, "{what}: mean {mean} {}", case["mean"]);
        assert!((variance.sqrt() - case["std"].as_f64().unwrap()).abs() < 1e-3, "{what}: std");
    }
}

/// Resampling that open_clip does not use and transformers can ask for; and targets that are no square.
#[test]
fn other_filters_and_shapes_equal_pillow() {
    let cases = golden_json("resize_modes.json");
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let config = PreprocessConfig {
            size: serde_json::from_value(case["size"].clone()).unwrap(),
            resize_mode: serde_json::from_value(case["resize_mode"].clone()).unwrap(),
            interpolation: serde_json::from_value(case["interpolation"].clone()).unwrap(),
            fill_color: [case["fill_color"].as_u64().unwrap() as u8; 3],
            ..PreprocessConfig::default()
        };
        let image = picture(case["w"].as_u64().unwrap() as usize, case["h"].as_u64().unwrap() as usize);
        let mut rng = vlp_augment::SampleRng::new(0, 0, 0, 0);
        let image = vlp_augment::ImageTransform::apply(&config.resize(), image, &mut rng);
        assert_eq!(json!([image.height(), image.width()]), case["out_hw"], "{case}");
        if config.interpolation == Interpolation::Nearest {
            assert_eq!(json!(crc32(image.pixels())), case["crc32"], "{case}");
            continue;
        }
        let rows: Vec<u8> = serde_json::from_value(case["samples"].clone()).unwrap();
        let pixels = image.width() * image.height();
        let ours = (0..rows.len() / 3).flat_map(|k| {
            let at = (k * 7919 + 13) % pixels * 3;
            image.pixels()[at..at + 3].to_vec()
        });
        let worst = ours.zip(&rows).map(|(a, &b)| a.abs_diff(b)).max().unwrap();
        assert!(worst <= 1, "{worst} of 255: {case}");
    }
}

#[test]
fn values_are_normalised_as_torchvision_does() {
    let golden = golden_json("to_tensor.json");
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let (height, width) = (47, 61);
        let config = PreprocessConfig {
            size: ImageSize::HeightWidth([height, width]),
            mean: serde_json::from_value(case["params"]["mean"].clone()).unwrap(),
            std: serde_json::from_value(case["params"]["std"].clone()).unwrap(),
            resize_mode: ResizeModeName::Squash,
            ..PreprocessConfig::default()
        };
        let values = config.apply(picture(width, height));
        for (k, expected) in case["samples"].as_array().unwrap().chunks(3).enumerate() {
            let at = (k * 7919 + 13) % (height * width);
            for (c, expected) in expected.iter().enumerate() {
                // Two roundings of 32-bit floats apart.
                let off = f64::from(values[c * height * width + at]) - expected.as_f64().unwrap();
                assert!(off.abs() < 1e-6, "{case}");
            }
        }
    }
}

#[test]
fn presets_have_the_preprocessing_of_their_family() {
    let of = |name: &str| PreprocessConfig::for_model(&preset(name).unwrap()).unwrap();
    assert_eq!(of("ViT-L-14-336"), PreprocessConfig::of(PreprocessFamily::Clip, 336));
    assert_eq!(of("RN50x4").size, ImageSize::Square(288));
    assert_eq!(of("ViT-B-16-SigLIP-384"), PreprocessConfig::of(PreprocessFamily::Siglip, 384));
    assert_eq!(of("ViT-L-14-CLIPA"), PreprocessConfig::of(PreprocessFamily::Clipa, 224));
    assert_eq!(of("ViT-B-32").normalization(), Normalization::CLIP);
    assert_eq!(of("ViT-L-14-CLIPA").normalization(), Normalization::IMAGENET);
}

#[test]
fn both_file_formats_go_there_and_back() {
    use PreprocessFamily::{Clip, Clipa, MobileClip, Pe, Siglip};
    for family in [Clip, Siglip, Clipa, MobileClip, Pe] {
        let config = PreprocessConfig::of(family, 224);
        assert_eq!(PreprocessConfig::from_json(&config.to_json().unwrap().to_string()).unwrap(), config);
        let hf = config.to_hugging_face().unwrap();
        // transformers rounds the offset of its cut down.
        let theirs = PreprocessConfig { crop_down: config.resize_mode == ResizeModeName::Shortest, ..config };
        assert_eq!(PreprocessConfig::from_hugging_face(&hf.to_string()).unwrap(), theirs, "{family:?}");
    }
    let clip = PreprocessConfig::of(Clip, 224).to_json().unwrap();
    assert_eq!(clip["mean"], json!([0.48145466, 0.4578275, 0.40821073]));
    assert_eq!(clip["std"], json!([0.26862954, 0.26130258, 0.27577711]));
}

#[test]
fn old_and_new_files_of_transformers_are_read() {
    let read = |json: Value| PreprocessConfig::from_hugging_face(&json.to_string());
    let old = read(json!({"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}));
    assert_eq!(old.unwrap(), PreprocessConfig { crop_down: true, ..PreprocessConfig::default() });
    let siglip = read(json!({"do_convert_rgb": null, "do_normalize": true, "do_rescale": true, "do_resize": true,
        "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5],
        "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"height": 224, "width": 224}}));
    assert_eq!(siglip.unwrap(), PreprocessConfig::of(PreprocessFamily::Siglip, 224));
}

#[test]
fn what_is_not_here_is_refused_by_name() {
    let ours = |json: Value| PreprocessConfig::from_json(&json.to_string()).unwrap_err().to_string();
    assert!(ours(json!(224)).contains("224"));
    assert!(ours(json!({"resize_mode": "stretch"})).contains("stretch"));
    assert!(ours(json!({"std": [0.5, 0.0, 0.5]})).contains("above 0"));
    assert!(ours(json!({"size": [0, 224]})).contains("must lie between"));
    assert!(ours(json!({"mode": "L"})).contains("`L`"));
    let theirs = |json: Value| PreprocessConfig::from_hugging_face(&json.to_string()).unwrap_err().to_string();
    assert!(theirs(json!({"size": 224, "crop_size": {"height": 224, "width": 200}})).contains("200"));
    assert!(theirs(json!({"do_resize": false, "size": 224})).contains("do_resize"));
    assert!(theirs(json!({"do_flip_channel_order": true})).contains("do_flip_channel_order"));
    assert!(theirs(json!({"image_processor_type": "BitImageProcessor"})).contains("BitImageProcessor"));
    assert!(theirs(json!({"size": 224, "resample": 5})).contains("resample is 5"));
    let longest = PreprocessConfig { resize_mode: ResizeModeName::Longest, ..PreprocessConfig::default() };
    assert!(longest.to_hugging_face().unwrap_err().to_string().contains("Longest"));
}
