//! ConvNeXt against timm's numbers, and what it refuses.

mod common;

use burn::tensor::Tensor;
use common::{CRATE, assert_features, assert_gradient_norms, assert_near, input_norm, renamed};
use serde_json::Value;
use vlp_core::ImageEncoder;
use vlp_encoders::ConvNextConfig;
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, shapes};
use vlp_testkit::{golden, inputs};

fn name(path: &str) -> Source {
    let rules = [
        ("scale", "@"),
        ("stem_conv", "stem.0"),
        ("stem_norm", "stem.1"),
        ("downsample_norm", "downsample.0"),
        ("downsample_conv", "downsample.1"),
        ("depthwise", "conv_dw"),
        ("fc_", "mlp.fc"),
        (".gamma", ".weight"),
        (".beta", ".bias"),
        ("@", "gamma"),
    ];
    let key = renamed(path, &rules);
    let key = if key.starts_with("norm.") { format!("head.{key}") } else { key };
    if path.contains("fc_") && path.ends_with("weight") { Source::transposed(key) } else { Source::same(key) }
}

fn four(value: &Value) -> [usize; 4] {
    golden::numbers(value).iter().map(|&n| n as usize).collect::<Vec<_>>().try_into().expect("four sizes")
}

#[test]
fn features_and_gradients_equal_timm() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/convnext.json");
    for (model, case) in file["convnext"].as_object().expect("cases") {
        let sizes = ["count", "side"].map(|key| case[key].as_u64().unwrap() as usize);
        let config =
            ConvNextConfig { layers: four(&case["depths"]), channels: four(&case["dims"]), ..Default::default() };
        let encoder = config.init(&device).unwrap();
        let encoder = fill(encoder, Formula::Lcg, &shapes(&case["shapes"]), name, |_| false);
        let images = inputs::images(sizes[0], sizes[1], &device).require_grad();
        let features = encoder.encode(images.clone());
        // f32 against f64.
        assert_features(model, features.clone(), &case["features"], 2e-5);
        let gradients = inputs::objective(features).backward();
        assert_gradient_norms(&encoder, &gradients, &case["grad_norms"], name, &[], 1e-4);
        let expected = case["input_grad_norm"].as_f64().unwrap();
        assert_near(model, input_norm(&images, &gradients), expected, 1e-4, 1e-6);
    }
}

#[test]
fn impossible_configurations_are_refused_with_the_value() {
    let refused = |config: ConvNextConfig| config.init(&under_test()).unwrap_err().to_string();
    assert!(refused(ConvNextConfig { layers: [1, 0, 1, 1], ..Default::default() }).contains("[1, 0, 1, 1]"));
    assert!(refused(ConvNextConfig { drop_path: 1.5, ..Default::default() }).contains("drop_path 1.5"));
    assert!(refused(ConvNextConfig { layer_scale: Some(f64::NAN), ..Default::default() }).contains("NaN"));
}

#[test]
#[should_panic(expected = "at least 32 x 32 pixels, got 3 x 32 x 16")]
fn a_picture_that_would_vanish_is_refused() {
    let device = under_test();
    let config = ConvNextConfig { layers: [1; 4], channels: [4; 4], ..Default::default() };
    config.init(&device).unwrap().encode(Tensor::zeros([1, 3, 32, 16], &device));
}
