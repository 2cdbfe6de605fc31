//! Decoupled contrastive learning against lightly's numbers, and what follows from its equation.

use burn::tensor::{Device, Tensor};
use vlp_core::StepContext;
use vlp_losses::{Dcl, DclConfig, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case::{self, GoldenCase};
use vlp_testkit::ranks;

fn cases(device: &Device) -> Vec<GoldenCase> {
    golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/dcl.json", 4, device)
}

fn loss_of(case: &GoldenCase) -> Dcl {
    let sigma = case.json["params"]["sigma"].as_f64();
    assert_eq!(sigma.is_some(), case.name.starts_with("dclw"));
    DclConfig { temperature: case.param("temperature"), sigma, ..Default::default() }.init().unwrap()
}

#[test]
fn values_and_gradients_equal_lightly() {
    for case in cases(&under_test().autodiff()) {
        case.check(loss_of(&case).forward(case.input("z1"), case.input("z2"), &StepContext::new(0, 0, 1)));
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    for case in cases(&under_test().autodiff()) {
        let loss = loss_of(&case);
        ranks::check_case(&case, [2, 3, 6], ["z1", "z2"], |[a, b], ctx| loss.forward(a, b, ctx));
    }
}

#[test]
fn the_loss_is_negative_where_views_agree_and_samples_are_opposite() {
    // Two samples, cosine 1 with the own view and -1 with both views of the other: log(2 exp(-1/τ)) - 1/τ.
    let device = under_test();
    let x = Tensor::<2>::from_floats([[1.0, 2.0], [-1.0, -2.0]], &device);
    let value = |config: DclConfig| config.init().unwrap().forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
    assert_close("DCL", value(DclConfig::default()), &[2f64.ln() - 20.0], 1e-6, 0.0);
    // Equal positives weigh 1 in DCLW.
    assert_close("DCLW", value(DclConfig::weighted()), &[2f64.ln() - 20.0], 1e-6, 0.0);
}

#[test]
fn equal_and_zero_rows_stay_finite() {
    let device = under_test().autodiff();
    let cold = DclConfig { sigma: Some(1e-3), ..Default::default() };
    for config in [DclConfig::default(), DclConfig::weighted(), DclConfig { temperature: 1e-3, ..cold }] {
        for row in [[0.0, 0.0], [3.0, -4.0]] {
            let x = Tensor::<2>::from_floats([row, row, row], &device).require_grad();
            let value = config.init().unwrap().forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
            // Four negatives as close as the positive; logits of 1,000 are exact to 6e-5 in f32.
            assert_close("equal rows", value.clone(), &[4f64.ln()], 0.0, 2e-4);
            assert!(x.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
        }
    }
}

#[test]
#[should_panic(expected = "needs a batch of 2 or more")]
fn one_sample_without_negatives_is_refused() {
    let x = Tensor::<2>::ones([1, 3], &under_test());
    DclConfig::default().init().unwrap().forward(x.clone(), x, &StepContext::new(0, 0, 1));
}

#[test]
fn constants_that_are_not_positive_are_refused_with_their_value() {
    for value in [0.0, -0.1, f64::NAN] {
        let error = DclConfig { temperature: value, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)), "{error}");
        let error = DclConfig { sigma: Some(value), ..Default::default() }.init().unwrap_err();
        assert!(error.to_string().contains(&format!("sigma {value}")), "{error}");
    }
}
