//! SwALIP with prototypes against the reference implementation's numbers, on one rank and on two.
//!
//! The golden values are f64; values are compared to 1e-5 and gradients to 1e-4 relative plus 1e-6, in f32 on the CPU.

use burn::tensor::{Distribution, Tensor};
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{InfoNceConfig, LossError, SinkhornConfig, SwaLipV1Config};
use vlp_testkit::device::under_test;
use vlp_testkit::rank_case::RankCase;
use vlp_testkit::{golden, ranks};

fn loss(case: &RankCase, ctx: &StepContext<'_>) -> Tensor<1> {
    let options = &case.json["case"]["kw"];
    let sinkhorn = SinkhornConfig {
        iterations: options["sk_iters"].as_u64().unwrap() as usize,
        epsilon: options["target_epsilon"].as_f64().unwrap(),
    };
    let [image, text] = ["z_image", "z_text"].map(|name| case.one(name));
    let clip = InfoNceConfig::default().init().unwrap().forward(image, text, case.scale("log_scale"), ctx).loss();
    let momentum = case.get("p_image_momentum").zip(case.get("p_text_momentum")).map(<[Tensor<2>; 2]>::from);
    let swalip = SwaLipV1Config { sinkhorn }.init().unwrap();
    let scores = ["p_image", "p_text"].map(|name| case.one(name));
    let swalip = swalip.forward(scores, momentum, case.scale("log_swalip_scale"), ctx);
    clip + swalip * options["swalip_weight"].as_f64().unwrap()
}

fn cases() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/swalip_v1.json")
}

#[test]
fn values_and_gradients_equal_the_reference_on_one_rank() {
    let device = under_test().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        let inputs = RankCase::new(case, 0..4, &device);
        inputs.check(name, loss(&inputs, &StepContext::new(0, 0, 1)), &case["world1"][0]);
    }
}

#[test]
fn values_and_gradients_equal_the_reference_on_each_of_two_ranks_with_detached_keys() {
    let device = under_test().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        ranks::check_each_of_two(name, case, &device, loss);
    }
}

#[test]
fn two_ranks_with_full_gradients_equal_one() {
    let device = under_test().autodiff();
    for (name, case) in cases().as_object().unwrap() {
        ranks::check_mean_of_two(name, case, &device, loss);
    }
}

#[test]
fn permuting_samples_and_prototypes_leaves_the_loss() {
    let device = under_test();
    device.seed(2);
    let scores = [(); 2].map(|()| Tensor::<2>::random([6, 11], Distribution::Uniform(-1.0, 1.0), &device));
    let value = |scores: [Tensor<2>; 2]| {
        let loss = SwaLipV1Config::default().init().unwrap();
        let loss = loss.forward(scores, None, Tensor::from_floats([10.0], &device), &StepContext::new(0, 0, 1));
        f64::from(loss.into_scalar::<f32>())
    };
    let flipped = value(scores.clone().map(|scores| scores.flip([0, 1])));
    assert!((value(scores) - flipped).abs() < 1e-5);
}

#[test]
fn equal_and_huge_scores_stay_finite() {
    let device = under_test().autodiff();
    for (rows, of) in [(3, 0.0), (1, 1.0), (3, 1e4)] {
        let leaf = Tensor::<2>::full([rows, 7], of, &device).require_grad();
        let loss = SwaLipV1Config::default().init().unwrap();
        let scale = Tensor::from_floats([100.0], &device);
        let loss = loss.forward([leaf.clone(), leaf.clone()], None, scale, &StepContext::new(0, 0, 1));
        golden::assert_close("equal scores", loss.clone(), &[7f64.ln()], 1e-5, 0.0);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "both sides must have one shape")]
fn scores_of_other_batches_are_refused() {
    let device = under_test();
    let scores = [2, 3].map(|rows| Tensor::<2>::ones([rows, 4], &device));
    let loss = SwaLipV1Config::default().init().unwrap();
    loss.forward(scores, None, Tensor::ones([1], &device), &StepContext::new(0, 0, 1));
}

#[test]
fn an_impossible_sinkhorn_is_refused() {
    let sinkhorn = SinkhornConfig { iterations: 0, ..Default::default() };
    assert_eq!(SwaLipV1Config { sinkhorn }.init().unwrap_err(), LossError::SinkhornIterations(0));
}
