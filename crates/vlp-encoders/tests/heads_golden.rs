//! The methods' heads against PyTorch's numbers: output, gradients and running statistics of one training pass.

mod common;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{CRATE, assert_features, assert_gradient_norms, assert_near, renamed};
use serde_json::Value;
use vlp_encoders::{Activation, DinoHeadConfig, LastNorm, MlpHead, MlpHeadConfig, SiamLipProjectorConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::weights::{Formula, Source, fill, norm, shapes};
use vlp_testkit::{golden, inputs};

/// `sin(0.37 (i + 1)(j + 1) + 0.1 (i + 1))`, the golden file's input.
fn rows(case: &Value, device: &Device) -> Tensor<2> {
    let [count, columns] = ["count", "columns"].map(|key| case[key].as_u64().unwrap() as usize);
    let value = |i: usize, j: usize| (0.37 * (i * j) as f64 + 0.1 * i as f64).sin() as f32;
    let values: Vec<f32> = (1..=count).flat_map(|i| (1..=columns).map(move |j| value(i, j))).collect();
    Tensor::from_data(TensorData::new(values, [count, columns]), device)
}

fn name(path: &str) -> Source {
    let key = renamed(path, &[(".gamma", ".weight"), (".beta", ".bias")]);
    if path.ends_with(".weight") { Source::transposed(key) } else { Source::same(key) }
}

/// Fills the head, runs it once in training and once in evaluation, and compares everything.
fn check<M: Module>(
    what: &str,
    case: &Value,
    head: M,
    name: impl Fn(&str) -> Source + Copy,
    forward: impl Fn(&M, Tensor<2>) -> Tensor<2>,
) -> M {
    let device = under_test().autodiff();
    let head = fill(head, Formula::Lcg, &shapes(&case["shapes"]), name, |key| key.ends_with("weight_g"));
    let x = rows(case, &device).require_grad();
    let output = forward(&head, x.clone());
    // f32 against f64; batch normalisation of 7 rows magnifies rounding a little.
    assert_features(what, output.clone(), &case["output"], 2e-5);
    let gradients = inputs::objective(output).backward();
    assert_gradient_norms(&head, &gradients, &case["grad_norms"], name, &[], 1e-4);
    let expected = case["input_grad_norm"].as_f64().unwrap();
    assert_near(what, norm(x.grad(&gradients).unwrap()), expected, 1e-4, 1e-6);
    assert_features(what, forward(&head.valid(), x.inner()), &case["eval_output_after"], 2e-5);
    head
}

fn check_statistics(what: &str, case: &Value, head: &MlpHead) {
    let norms = head.norms.iter().enumerate();
    let statistics = norms.flat_map(|(index, norm)| {
        [("running_mean", &norm.running_mean), ("running_var", &norm.running_var)]
            .map(|(kind, statistic)| (format!("norms.{index}.{kind}"), statistic.value()))
    });
    for (key, value) in statistics {
        let expected = golden::numbers(&case["running_after"][key.as_str()]);
        golden::assert_close(&format!("{what}, {key}"), value, &expected, 1e-5, 1e-6);
    }
}

#[test]
fn mlp_heads_equal_pytorch() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/heads.json");
    let heads: [(&str, MlpHeadConfig, &[usize]); 6] = [
        ("clip_rocket", MlpHeadConfig::clip_rocket(5), &[8, 8, 5]),
        ("barlip", MlpHeadConfig::barlip(), &[7, 7, 9]),
        ("siamlip_predictor", MlpHeadConfig::siamlip_predictor(), &[8, 5]),
        ("nclip", MlpHeadConfig::nclip(Activation::Gelu), &[8, 8, 11]),
        ("moco_v3_projector", MlpHeadConfig::moco_v3_projector(3), &[8, 8, 4]),
        ("moco_v3_predictor", MlpHeadConfig::moco_v3_predictor(LastNorm::Plain), &[8, 4]),
    ];
    for (what, config, widths) in heads {
        let case = &file["heads"][what];
        assert_eq!(config.widths.len(), widths.len(), "{what} at a toy size");
        let config = MlpHeadConfig { widths: widths.to_vec(), ..config };
        let head = config.init(case["columns"].as_u64().unwrap() as usize, &device).unwrap();
        let head = check(what, case, head, name, MlpHead::forward);
        check_statistics(what, case, &head);
    }
}

#[test]
fn siamlips_projector_equals_pytorch_for_either_kind_of_view() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/heads.json");
    let case = &file["heads"]["siamlip_projector"];
    for strong in [false, true] {
        let config = SiamLipProjectorConfig { hidden: 8, output: 5, last_norm: true };
        let head = config.init(6, &device).unwrap();
        // The reference has one last normalisation; ours of the other kind is given the same start.
        let name = |path: &str| {
            let path = renamed(path, &[("shared.", ""), ("weak_norm", "norms.1"), ("strong_norm", "norms.1")]);
            name(&path)
        };
        check("siamlip projector", case, head, name, |head, x| if strong { head.strong(x) } else { head.weak(x) });
    }
}

#[test]
fn dinos_head_equals_pytorchs_weight_normalisation() {
    let device = under_test().autodiff();
    let file = golden::read(CRATE, "tests/golden/heads.json");
    let head = DinoHeadConfig { hidden: 8, bottleneck: 5, output: 9 }.init(6, &device).unwrap();
    let name = |path: &str| match path {
        "prototypes" => Source::transposed("last.weight_v"),
        other => name(other),
    };
    check("dino", &file["heads"]["dino"], head, name, |head, x| head.forward(x));
}
