//! BarLIP's term, with CLIP-rocket's loss, against the reference implementation.

mod rocket_case;

use burn::tensor::Tensor;
use rocket_case::clip_rocket_loss;
use vlp_core::StepContext;
use vlp_losses::{BarLipConfig, CorrelationGradient, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::{self, assert_close};
use vlp_testkit::rank_case::RankCase;
use vlp_testkit::ranks;

const CASES: [&str; 2] = ["barlip_sum", "barlip_avg"];

fn term(case: &RankCase, gradient: CorrelationGradient, ctx: &StepContext<'_>) -> Tensor<1> {
    let weak = ["v_image", "v_text"].map(|name| case.one(name));
    let [images, texts] = ["v_image_local", "v_text_local"].map(|name| case.views(name));
    BarLipConfig { gradient, ..Default::default() }.init().unwrap().forward(weak, [&images, &texts], ctx)
}

#[test]
fn values_and_gradients_equal_the_reference_on_one_rank() {
    let device = under_test().autodiff();
    let json = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/barlip.json");
    for (name, expected) in CASES.into_iter().zip([0.130_455_995, 0.114_963_226]) {
        let (case, ctx) = (RankCase::new(&json[name], 0..4, &device), StepContext::new(0, 0, 1));
        let term = term(&case, CorrelationGradient::Full, &ctx);
        assert_close(name, term.clone(), &[expected], 1e-5, 1e-6);
        case.check(name, term + clip_rocket_loss(&case, &ctx), &json[name]["world1"][0]);
    }
}

#[test]
fn values_and_gradients_equal_the_reference_on_each_of_two_ranks() {
    let device = under_test().autodiff();
    let json = golden::read(env!("CARGO_MANIFEST_DIR"), "tests/golden/barlip.json");
    for name in CASES {
        ranks::check_each_of_two(name, &json[name], &device, |case, ctx| {
            term(case, CorrelationGradient::OwnRank, ctx) + clip_rocket_loss(case, ctx)
        });
    }
}

#[test]
fn averaged_over_ranks_the_full_gradient_is_that_of_one_rank_and_the_own_ranks_one_half() {
    let device = under_test().autodiff();
    device.seed(4);
    let random = || Tensor::<2>::random([4, 3], burn::tensor::Distribution::Normal(0.0, 1.0), &device).require_grad();
    let inputs = [random(), random()];
    let loss = |inputs: [Tensor<2>; 2], gradient, ctx: &StepContext<'_>| {
        BarLipConfig { gradient, ..Default::default() }.init().unwrap().forward(inputs, [&[], &[]], ctx)
    };
    let alone = loss(inputs.clone(), CorrelationGradient::Full, &StepContext::new(0, 0, 1));
    let gradients = alone.clone().backward();
    for (gradient, factor) in [(CorrelationGradient::Full, 1.0), (CorrelationGradient::OwnRank, 0.5)] {
        let mean = ranks::mean_loss(2, &inputs, |inputs, ctx| loss(inputs.try_into().unwrap(), gradient, ctx));
        assert_close("value", mean.clone(), &[f64::from(alone.clone().into_scalar::<f32>())], 1e-5, 0.0);
        let of_ranks = mean.backward();
        for input in &inputs {
            let expected = input.grad(&gradients).unwrap() * factor;
            let expected: Vec<f32> = expected.into_data().try_into_vec().unwrap();
            let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
            assert_close(&format!("{gradient:?}"), input.grad(&of_ranks).unwrap(), &expected, 1e-4, 1e-7);
        }
    }
}

#[test]
fn the_term_is_0_at_the_identity_and_c_times_the_width_at_zero() {
    let device = under_test();
    let loss = BarLipConfig::default().init().unwrap();
    let ctx = StepContext::new(0, 0, 1);
    // Three rows of sqrt(3) times the unit vectors have C = I.
    let rows = Tensor::<2>::eye(3, &device) * 3f64.sqrt();
    assert_close("identity", loss.forward([rows.clone(), rows], [&[], &[]], &ctx), &[0.0], 0.0, 1e-8);
    let zeros = Tensor::<2>::zeros([1, 3], &device);
    let views = [zeros.clone(), zeros.clone()];
    assert_close("zeros", loss.forward([zeros.clone(), zeros], [&views, &views], &ctx), &[3.0 * 0.025], 1e-6, 0.0);
}

#[test]
fn constants_out_of_range_are_refused_with_their_value() {
    for scale in [-1.0, f64::NAN] {
        let error = BarLipConfig { scale, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Coefficient { .. }), "{error}");
        assert!(error.to_string().contains(&format!("scale {scale}")), "{error}");
    }
}
