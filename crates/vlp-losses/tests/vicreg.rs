//! VICReg against lightly's numbers, and what follows from its equation.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, VicReg, VicRegConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case::{self, GoldenCase};
use vlp_testkit::ranks;

fn cases(device: &Device) -> Vec<GoldenCase> {
    golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/vicreg.json", 4, device)
}

fn loss_of(case: &GoldenCase) -> VicReg {
    let config = VicRegConfig {
        invariance: case.param("invariance"),
        variance: case.param("variance"),
        covariance: case.param("covariance"),
        deviation: case.param("gamma"),
        epsilon: case.param("eps"),
    };
    assert_eq!(config, VicRegConfig::default(), "the cases have the paper's constants");
    config.init().unwrap()
}

#[test]
fn values_and_gradients_equal_lightly() {
    for case in cases(&under_test().autodiff()) {
        case.check(loss_of(&case).forward(case.input("z1"), case.input("z2"), &StepContext::new(0, 0, 1)).loss);
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    for case in cases(&under_test().autodiff()) {
        let loss = loss_of(&case);
        ranks::check_case(&case, [2], ["z1", "z2"], |[a, b], ctx| loss.forward(a, b, ctx).loss);
    }
}

#[test]
fn shifting_both_views_changes_nothing_and_shifting_one_only_the_invariance() {
    let device = under_test();
    device.seed(8);
    let random = || Tensor::<2>::random([9, 4], Distribution::Normal(0.0, 0.5), &device);
    let (a, b, ctx) = (random(), random(), StepContext::new(0, 0, 1));
    let loss = VicRegConfig::default().init().unwrap();
    let number = |value: Tensor<1>| f64::from(value.into_scalar::<f32>());
    let plain = loss.forward(a.clone(), b.clone(), &ctx);
    let (variance, covariance) = (number(plain.variance), number(plain.covariance));
    let both = loss.forward(a.clone() + 2.0, b.clone() + 2.0, &ctx);
    assert_close("both", both.loss, &[number(plain.loss)], 1e-4, 0.0);
    let one = loss.forward(a.clone() + 2.0, a, &ctx);
    assert_close("invariance", one.invariance, &[4.0], 1e-5, 0.0);
    let other = loss.forward(b.clone() - 1.0, b, &ctx);
    assert_close("variance", (one.variance + other.variance) / 2.0, &[variance], 1e-4, 0.0);
    assert_close("covariance", (one.covariance + other.covariance) / 2.0, &[covariance], 1e-4, 1e-6);
}

#[test]
fn collapsed_views_cost_the_missing_deviation_and_have_a_finite_gradient() {
    let device = under_test().autodiff();
    for row in [[0.0; 3], [1.0, 2.0, 3.0]] {
        let x = Tensor::<2>::from_floats([row, row, row, row], &device).require_grad();
        let terms = VicRegConfig::default().init().unwrap().forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
        // 25 (1 - sqrt(1e-4)).
        assert_close("collapsed", terms.loss.clone(), &[24.75], 1e-6, 0.0);
        assert!(x.grad(&terms.loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
#[should_panic(expected = "needs a batch of 2 or more")]
fn one_row_without_variance_is_refused() {
    let x = Tensor::<2>::ones([1, 3], &under_test());
    VicRegConfig::default().init().unwrap().forward(x.clone(), x, &StepContext::new(0, 0, 1));
}

#[test]
fn constants_out_of_range_are_refused_with_their_value() {
    let error = VicRegConfig { covariance: -2.0, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::Coefficient { .. }), "{error}");
    assert!(error.to_string().contains("covariance -2"), "{error}");
    let error = VicRegConfig { epsilon: 0.0, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::NotPositive { .. }), "{error}");
}
