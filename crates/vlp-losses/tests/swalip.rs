//! SwALIP against the reference implementation's numbers, on one rank and on two.
//!
//! The golden values are f64; values are compared to 1e-5 and gradients to 1e-4 relative plus 1e-6, in f32 on the CPU.

mod rocket_case;

use burn::tensor::{Distribution, Tensor};
use rocket_case::clip_rocket_loss;
use serde_json::Value;
use vlp_core::StepContext;
use vlp_losses::{LossError, SinkhornConfig, SwaLipConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::rank_case::RankCase;
use vlp_testkit::{golden, ranks};

fn loss(case: &RankCase, ctx: &StepContext<'_>) -> Tensor<1> {
    let [images, texts] = ["h_image_local", "h_text_local"].map(|name| case.views(name));
    let swalip = SwaLipConfig::default().init().unwrap();
    clip_rocket_loss(case, ctx) + swalip.forward([&images, &texts], case.scale("log_h_scale"), ctx) * 0.2
}

fn cases() -> Value {
    golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/swalip.json")
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
fn permuting_samples_leaves_the_loss_and_exchanging_modalities_too() {
    let device = under_test();
    device.seed(2);
    let views = || Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), &device);
    let (images, texts) = ([views(), views()], [views(), views()]);
    let value = |images: &[Tensor<2>], texts: &[Tensor<2>]| {
        let scale = Tensor::from_floats([10.0], &device);
        let loss = SwaLipConfig::default().init().unwrap();
        f64::from(loss.forward([images, texts], scale, &StepContext::new(0, 0, 1)).into_scalar::<f32>())
    };
    let expected = value(&images, &texts);
    let flipped = |views: &[Tensor<2>; 2]| views.clone().map(|view| view.flip([0]));
    assert!((value(&flipped(&images), &flipped(&texts)) - expected).abs() < 1e-5);
    assert!((value(&texts, &images) - expected).abs() < 1e-5);
}

#[test]
fn zero_and_identical_rows_at_the_highest_scale_stay_finite() {
    let device = under_test().autodiff();
    for (rows, row) in [(3, [0.0; 4]), (3, [1.0, 2.0, 3.0, 4.0]), (1, [1.0, 2.0, 3.0, 4.0])] {
        let leaf = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
        let views = [leaf.clone(), leaf.clone()];
        let scale = Tensor::from_floats([100.0], &device);
        let loss = SwaLipConfig::default().init().unwrap();
        let loss = loss.forward([&views, &views], scale, &StepContext::new(0, 0, 1));
        golden::assert_close("equal rows", loss.clone(), &[(rows as f64).ln()], 1e-5, 1e-6);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "two strong views per modality, 3 were given")]
fn three_views_are_refused() {
    let device = under_test();
    let views = [0; 3].map(|_| Tensor::<2>::ones([2, 2], &device));
    let loss = SwaLipConfig::default().init().unwrap();
    loss.forward([&views, &views[..2]], Tensor::ones([1], &device), &StepContext::new(0, 0, 1));
}

#[test]
fn an_impossible_sinkhorn_is_refused() {
    let sinkhorn = SinkhornConfig { epsilon: 0.0, ..Default::default() };
    let error = SwaLipConfig { sinkhorn, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::NotPositive { name: "epsilon", .. }), "{error}");
}
