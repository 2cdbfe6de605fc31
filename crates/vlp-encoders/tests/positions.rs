//! Positions: resized as PyTorch does, sines and cosines as open_clip and MoCo v3 have them.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor};
use serde_json::Value;
use vlp_core::ImageEncoder;
use vlp_encoders::{ImagePooling, Positions, StemConfig, VitConfig, resize_grid_positions, resize_sequence_positions};
use vlp_testkit::device::under_test;
use vlp_testkit::golden;

fn file() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/positions.json")["positions"].clone()
}

/// The formula of the golden file's inputs.
fn values(count: usize) -> Vec<f32> {
    (1..=count).map(|i| (0.7 * i as f64).sin() as f32).collect()
}

fn assert_equal(what: &str, actual: &[f32], expected: &Value) {
    let expected = golden::numbers(expected);
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (actual, expected) in actual.iter().zip(expected) {
        // Both are computed in f64; f32 holds 7 digits.
        assert!((f64::from(*actual) - expected).abs() < 1e-6, "{what}: {actual} is not {expected}");
    }
}

fn pair(value: &Value) -> [usize; 2] {
    golden::numbers(value).iter().map(|&n| n as usize).collect::<Vec<_>>().try_into().expect("two sizes")
}

#[test]
fn grids_are_resized_as_by_pytorchs_antialiased_bicubic_interpolation() {
    for case in file()["grids"].as_array().unwrap() {
        let (from, to, width) = (pair(&case["from"]), pair(&case["to"]), case["width"].as_u64().unwrap() as usize);
        let resized = resize_grid_positions(&values(from[0] * from[1] * width), width, from, to);
        assert_equal(&format!("{from:?} to {to:?}"), &resized, &case["output"]);
    }
}

#[test]
fn sequences_are_resized_as_by_pytorchs_linear_interpolation() {
    for case in file()["texts"].as_array().unwrap() {
        let [from, to, width] = ["from", "to", "width"].map(|key| case[key].as_u64().unwrap() as usize);
        let resized = resize_sequence_positions(&values(from * width), width, from, to);
        assert_equal(&format!("{from} to {to}"), &resized, &case["output"]);
    }
}

#[test]
#[should_panic(expected = "a grid of 2 x 2 vectors of length 3 has another number of values than 11")]
fn a_grid_with_values_missing_is_refused() {
    resize_grid_positions(&[0.0; 11], 3, [2, 2], [4, 4]);
}

fn fixed(positions: Positions, pooling: ImagePooling) -> VitConfig {
    let stem = StemConfig::Patch { size: 8 };
    VitConfig { image_size: 24, stem, width: 8, depth: 1, heads: 2, positions, pooling, ..VitConfig::default() }
}

#[test]
fn fixed_positions_are_those_of_open_clip_and_moco_and_do_not_learn() {
    let device = under_test().autodiff();
    let file = file();
    let read = |config: VitConfig| {
        let vit = config.init(&device).unwrap();
        let features = vit.encode(Tensor::random([2, 3, 24, 24], Distribution::Default, &device));
        let gradients = features.powi_scalar(2).slice([0..2, 0..3]).sum().backward();
        assert!(vit.positions.val().grad(&gradients).is_none());
        assert!(!vit.valid().train().positions.val().is_require_grad(), "evaluation between steps frees nothing");
        vit.positions.val().into_data().try_into_vec_as::<f32>().unwrap()
    };
    let open_clip = read(fixed(Positions::SinCos, ImagePooling::Class));
    assert_equal("open_clip", &open_clip, &file["sin_cos"]["open_clip"]);
    let moco = read(fixed(Positions::MocoSinCos, ImagePooling::Mean));
    assert_equal("moco", &moco, &file["sin_cos"]["moco"]);
    let with_class = read(fixed(Positions::MocoSinCos, ImagePooling::Class));
    assert_eq!(with_class[..8], [0.0; 8], "the class token has no place");
    assert_eq!(with_class[8..], moco[..]);
}

#[test]
fn a_width_that_four_does_not_divide_is_refused() {
    let config = VitConfig { width: 6, ..fixed(Positions::SinCos, ImagePooling::Class) };
    assert!(config.init(&under_test()).unwrap_err().to_string().contains("divisible by 4, got 6"));
}
