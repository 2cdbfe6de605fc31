//! MoCo v3 against solo-learn's numbers, on one rank and on three.

use burn::tensor::{Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, MocoV3, MocoV3Config};
use vlp_testkit::device::under_test;
use vlp_testkit::golden_case::{GoldenCase, read_cases};
use vlp_testkit::{golden, ranks};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn cases() -> Vec<GoldenCase> {
    read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/moco_v3.json", 2, &under_test().autodiff())
}

fn loss_of(case: &GoldenCase) -> MocoV3 {
    MocoV3Config { temperature: case.param("temperature"), ..Default::default() }.init().unwrap()
}

fn inputs(case: &GoldenCase) -> [Tensor<2>; 4] {
    ["q1", "q2", "k1", "k2"].map(|name| case.input(name))
}

#[test]
fn values_and_gradients_equal_the_reference_and_keys_get_none() {
    for case in cases() {
        let [q1, q2, k1, k2] = inputs(&case);
        case.check(loss_of(&case).forward([q1, q2], [k1, k2], &ctx()));
    }
}

#[test]
fn three_ranks_equal_one() {
    for case in cases() {
        let loss = loss_of(&case);
        ranks::check_case(&case, [3], ["q1", "q2", "k1", "k2"], |[q1, q2, k1, k2], ctx| {
            loss.forward([q1, q2], [k1, k2], ctx)
        });
    }
}

#[test]
fn permuting_samples_and_views_leaves_the_loss() {
    let device = under_test();
    device.seed(3);
    let [q1, q2, k1, k2] = [(); 4].map(|()| Tensor::<2>::random([7, 5], Distribution::Normal(0.0, 1.0), &device));
    let value = |queries, keys| {
        f64::from(MocoV3Config::default().init().unwrap().forward(queries, keys, &ctx()).into_scalar::<f32>())
    };
    let expected = value([q1.clone(), q2.clone()], [k1.clone(), k2.clone()]);
    let flipped = value([q2, q1].map(|x| x.flip([0])), [k2, k1].map(|x| x.flip([0])));
    assert!((expected - flipped).abs() < 1e-5);
}

#[test]
fn zero_and_identical_rows_at_a_low_temperature_stay_finite() {
    let device = under_test().autodiff();
    for (rows, row) in [(3, [0.0; 4]), (3, [1.0, 2.0, 3.0, 4.0]), (1, [1.0, 2.0, 3.0, 4.0])] {
        let leaf = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
        let both = [leaf.clone(), leaf.clone()];
        let loss = MocoV3Config { temperature: 0.01, ..Default::default() }.init().unwrap().forward(
            both.clone(),
            both,
            &ctx(),
        );
        golden::assert_close("equal rows", loss.clone(), &[0.04 * (rows as f64).ln()], 1e-5, 1e-6);
        assert!(leaf.grad(&loss.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
fn impossible_temperatures_are_refused_with_their_value() {
    for temperature in [0.0, -0.2, f64::NAN] {
        let error = MocoV3Config { temperature, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)));
        assert!(error.to_string().contains(&temperature.to_string()), "{error}");
    }
}
