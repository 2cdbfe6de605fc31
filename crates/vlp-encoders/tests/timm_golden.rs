//! The vision transformer in timm's dialect and the ResNets against timm's numbers.

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use common::{CRATE, assert_features, assert_gradient_norms, assert_near, input_norm};
use serde_json::Value;
use vlp_core::ImageEncoder;
use vlp_encoders::{ResNet, ResNetBlock, ResNetConfig, StemConfig, VitConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, fill, shapes};
use vlp_testkit::{golden, inputs};

/// f32 against f64 through a few layers.
const FEATURES: f64 = 2e-5;
/// Gradients pass every layer twice.
const GRADIENTS: f64 = 1e-4;

fn size(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no size")) as usize
}

fn four(value: &Value) -> [usize; 4] {
    golden::numbers(value).iter().map(|&n| n as usize).collect::<Vec<_>>().try_into().expect("four sizes")
}

#[test]
fn vision_transformers_equal_timm_in_features_and_gradients() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/vit_timm.json");
    for (name, case) in file["vit"].as_object().expect("cases") {
        let config = &case["config"];
        let vit = VitConfig {
            image_size: size(&config["img_size"]),
            stem: StemConfig::Patch { size: size(&config["patch_size"]) },
            width: size(&config["embed_dim"]),
            depth: size(&config["depth"]),
            heads: size(&config["num_heads"]),
            layer_scale: config["init_values"].as_f64(),
            ..VitConfig::default()
        }
        .init(&device)
        .unwrap();
        let formula = Formula::named(case["weights"].as_str().expect("a formula"));
        let vit = fill(vit, formula, &shapes(&case["shapes"]), common::timm_vit, |_| false);

        let images = inputs::images(size(&case["images"]), size(&case["size"]), &device).require_grad();
        let features = vit.encode(images.clone());
        assert_features(name, features.clone(), &case["features"], FEATURES);
        let tokens = vit.norm.forward(vit.tokens(images.clone())).mean_dim(1).squeeze_dim(1);
        assert_features(name, tokens, &case["token_mean_after_final_norm"], FEATURES);
        let objective = inputs::objective(features);
        assert_near(name, objective.clone().into_scalar::<f64>(), case["objective"].as_f64().unwrap(), 1e-5, 1e-4);
        let gradients = objective.backward();
        assert_gradient_norms(&vit, &gradients, &case["grad_norms"], common::timm_vit, &[], GRADIENTS);
        let expected = case["input_grad_norm"].as_f64().unwrap();
        assert_near(name, input_norm(&images, &gradients), expected, GRADIENTS, 1e-6);
    }
}

fn resnet(case: &Value, device: &Device) -> ResNet {
    let config = &case["config"];
    let block = if config["block"] == "basic" { ResNetBlock::Basic } else { ResNetBlock::Bottleneck };
    let resnet = ResNetConfig { block, layers: four(&config["layers"]), channels: four(&config["channels"]) };
    let formula = Formula::named(case["weights"].as_str().expect("a formula"));
    let counter = |key: &str| key.ends_with("num_batches_tracked");
    fill(resnet.init(device).unwrap(), formula, &shapes(&case["shapes"]), common::resnet, counter)
}

fn check_pass(what: &str, resnet: &ResNet, images: &Tensor<4>, expected: &Value) {
    let features = resnet.encode(images.clone());
    assert_features(what, features.clone(), &expected["features"], FEATURES);
    let objective = inputs::objective(features);
    assert_near(what, objective.clone().into_scalar::<f64>(), expected["objective"].as_f64().unwrap(), 1e-5, 1e-4);
    let gradients = objective.backward();
    assert_gradient_norms(resnet, &gradients, &expected["grad_norms"], common::resnet, &[], GRADIENTS);
    assert_near(what, input_norm(images, &gradients), expected["input_grad_norm"].as_f64().unwrap(), GRADIENTS, 1e-6);
}

#[test]
fn resnets_equal_timm_in_evaluation_in_training_and_in_running_statistics() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/resnet.json");
    for (name, case) in file["resnet"].as_object().expect("cases") {
        let (count, side) = (size(&case["config"]["n"]), size(&case["config"]["size"]));
        let images = inputs::images(count, side, &device).require_grad();
        // Evaluation with gradients: frozen running statistics, free parameters.
        let frozen = resnet(case, &device).freeze().set_require_grad(true);
        check_pass(&format!("{name}, eval"), &frozen, &images, &case["eval"]);
        let trained = resnet(case, &device);
        check_pass(&format!("{name}, train"), &trained, &images, &case["train"]);

        let mut reader = Statistics { path: vec![], case, name, seen: 0 };
        trained.visit(&mut reader);
        let buffers = case["buffers_after_one_train_forward"].as_object().expect("buffers");
        assert_eq!(reader.seen, buffers.keys().filter(|key| !key.ends_with("tracked")).count());
        let plain = images.clone().inner();
        assert_features(name, trained.valid().encode(plain), &case["eval_features_after_that"], FEATURES);
    }
}

/// Compares running statistics with sum, norm and first elements.
struct Statistics<'a> {
    path: Vec<String>,
    case: &'a Value,
    name: &'a str,
    seen: usize,
}

impl burn::module::ModuleVisitor for Statistics<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
        let path = self.path.join(".");
        if !path.contains("running_") {
            return;
        }
        self.seen += 1;
        let key = &common::resnet(&path).keys[0];
        let expected = &self.case["buffers_after_one_train_forward"][key.as_str()];
        let values: Vec<f64> = param.val().into_data().convert::<f64>().try_into_vec().unwrap();
        let what = format!("{}: {key}", self.name);
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        assert_near(&what, values.iter().sum(), expected["sum"].as_f64().unwrap(), 1e-5, 1e-5);
        assert_near(&what, norm, expected["norm"].as_f64().unwrap(), 1e-5, 1e-6);
        for (value, first) in values.iter().zip(golden::numbers(&expected["first4"])) {
            assert_near(&what, *value, first, 1e-5, 1e-6);
        }
    }
}
