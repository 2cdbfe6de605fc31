//! Weighted means of models.

mod common;

use common::{golden_json, golden_weights};
use vlp_weights::{DType, HostTensor, ModelConfig, Package, PreprocessConfig, StateDict};

fn tensors(values: &[f32]) -> StateDict {
    let mut dict = StateDict::new();
    dict.insert("a", HostTensor::from_f32([values.len()], values));
    dict.insert("count", HostTensor::new(DType::I64, [], 7i64.to_le_bytes().to_vec()));
    dict
}

#[test]
fn two_models_lie_on_a_line() {
    let (from, to) = (tensors(&[1.0, -2.0]), tensors(&[3.0, 2.0]));
    let at = |share: f64| StateDict::average(&[(&from, 1.0 - share), (&to, share)]).unwrap();
    assert_eq!(at(0.0), from);
    assert_eq!(at(1.0), to);
    assert_eq!(at(0.25).get("a").unwrap().to_f32().unwrap(), [1.5, -1.0]);
    // What counts is the first one's.
    assert_eq!(at(1.0).get("count"), from.get("count"));
    // Half-precision numbers stay so, rounded once: 1/3 of 1, 0 and 0.
    let half = |values: &[f32]| tensors(values).cast_floats(DType::F16).unwrap();
    let (a, b, c) = (half(&[1.0]), half(&[0.0]), half(&[0.0]));
    let third = StateDict::average(&[(&a, 1.0 / 3.0), (&b, 1.0 / 3.0), (&c, 1.0 / 3.0)]).unwrap();
    assert_eq!(third.get("a").unwrap().dtype(), DType::F16);
    assert_eq!(third.get("a").unwrap().to_f32().unwrap(), [0.33325195]);
}

#[test]
fn what_cannot_be_averaged_is_named() {
    let (a, longer) = (tensors(&[1.0]), tensors(&[1.0, 2.0]));
    let said = |models: &[(&StateDict, f64)]| StateDict::average(models).unwrap_err().to_string();
    assert!(said(&[]).contains("there is no model"));
    assert!(said(&[(&a, 0.5), (&a, 0.6)]).contains("[0.5, 0.6] do not add up to 1"));
    assert!(said(&[(&a, f64::NAN), (&a, 0.5)]).contains("do not add up to 1"));
    assert!(said(&[(&a, 0.5), (&longer, 0.5)]).contains("a [1] and [2]"));
    let mut other = tensors(&[1.0]);
    let renamed = other.remove("a").unwrap();
    other.insert("b", renamed);
    let said = said(&[(&a, 0.5), (&other, 0.5)]);
    assert!(said.contains('a') && said.contains('b'), "{said}");
}

#[test]
fn models_of_another_architecture_are_not_averaged() {
    let golden = golden_json("open_clip.json");
    let models = golden["models"].as_object().unwrap();
    let package = |quick: bool| {
        let model = models.values().find(|model| model["config"]["vision_cfg"]["timm_model_name"].is_null()).unwrap();
        let mut config = ModelConfig::from_json(&model["config"].to_string()).unwrap();
        config.quick_gelu = quick;
        let preprocess = PreprocessConfig::for_model(&config).unwrap();
        Package::new(golden_weights(model), config, preprocess).unwrap()
    };
    let mean = Package::average(vec![(package(false), 0.5), (package(false), 0.5)]).unwrap();
    assert_eq!(mean.weights(), package(false).weights());
    let error = Package::average(vec![(package(false), 0.5), (package(true), 0.5)]).unwrap_err();
    assert!(error.to_string().contains("different architectures"), "{error}");
}
