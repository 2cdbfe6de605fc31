//! The vision transformer's options against timm's numbers: registers, positions, poolings, where normalisation stands.

mod common;

use common::{CRATE, assert_features, assert_gradient_norms, assert_near, input_norm};
use vlp_core::ImageEncoder;
use vlp_encoders::{Activation, ImagePooling, StemConfig, VitConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, shapes};
use vlp_testkit::{golden, inputs};

fn config(name: &str) -> VitConfig {
    let base = VitConfig {
        image_size: 32,
        stem: StemConfig::Patch { size: 8 },
        width: 24,
        depth: 2,
        heads: 3,
        ..VitConfig::default()
    };
    match name {
        "registers" => VitConfig { registers: 2, ..base },
        "registers_without_positions" => {
            VitConfig { registers: 3, prefix_positions: false, layer_scale: Some(0.3), ..base }
        }
        "mean" => VitConfig { pooling: ImagePooling::Mean, ..base },
        "mean_norm_after" => VitConfig { pooling: ImagePooling::Mean, norm_after_pool: true, ..base },
        "patch_mean_norm_after" => VitConfig { pooling: ImagePooling::PatchMean, norm_after_pool: true, ..base },
        "patch_mean_registers" => VitConfig { pooling: ImagePooling::PatchMean, registers: 1, ..base },
        "map" => VitConfig {
            pooling: ImagePooling::Map,
            // 62.4 units: rounded down.
            mlp_ratio: 2.6,
            activation: Activation::GeluTanh,
            ..base
        },
        // timm leaves the bias of the patch embedding out when it normalises behind it.
        "pre_norm" => VitConfig { pre_norm: true, stem_bias: false, ..base },
        other => panic!("no configuration for {other}"),
    }
}

#[test]
fn options_equal_timm_in_features_and_gradients() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/vit_variants.json");
    for (model, case) in file["vit_variants"].as_object().expect("cases") {
        let after = model.ends_with("norm_after");
        let name = |path: &str| {
            let mut source: Source = common::timm_vit(path);
            if after && source.keys[0].starts_with("norm.") {
                source.keys[0] = format!("fc_{}", source.keys[0]);
            }
            source
        };
        let vit = config(model).init(&device).unwrap();
        let vit = fill(vit, Formula::Lcg, &shapes(&case["shapes"]), name, |_| false);
        let images = inputs::images(3, 32, &device).require_grad();
        let features = vit.encode(images.clone());
        // f32 against f64.
        assert_features(model, features.clone(), &case["features"], 2e-5);
        let gradients = inputs::objective(features).backward();
        assert_gradient_norms(&vit, &gradients, &case["grad_norms"], name, &[], 1e-4);
        let expected = case["input_grad_norm"].as_f64().unwrap();
        assert_near(model, input_norm(&images, &gradients), expected, 1e-4, 1e-6);
    }
}
