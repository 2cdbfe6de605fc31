//! SimCLR's loss against lightly's numbers, and what follows from its equation.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{LossError, NtXentConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case::{self, GoldenCase};
use vlp_testkit::ranks;

fn cases(device: &Device) -> Vec<GoldenCase> {
    golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/nt_xent.json", 6, device)
}

#[test]
fn values_and_gradients_equal_lightly() {
    for case in cases(&under_test().autodiff()) {
        let loss = NtXentConfig { temperature: case.param("temperature"), ..Default::default() }.init().unwrap();
        case.check(loss.forward(case.input("z1"), case.input("z2"), &StepContext::new(0, 0, 1)));
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    for case in cases(&under_test().autodiff()) {
        let loss = NtXentConfig { temperature: case.param("temperature"), ..Default::default() }.init().unwrap();
        // The cases have 2, 6 and 9 rows: the last world leaves one row on each rank.
        let rows = case.input("z1").dims()[0];
        let worlds: Vec<usize> = (2..=rows).filter(|world| rows.is_multiple_of(*world)).collect();
        assert!(!worlds.is_empty(), "{} is checked over no ranks", case.name);
        ranks::check_case(&case, worlds, ["z1", "z2"], |[a, b], ctx| loss.forward(a, b, ctx));
    }
}

#[test]
fn permuting_samples_or_exchanging_views_changes_nothing() {
    let device = under_test();
    device.seed(6);
    let random = || Tensor::<2>::random([7, 3], Distribution::Normal(0.0, 1.0), &device);
    let (a, b, ctx) = (random(), random(), StepContext::new(0, 0, 1));
    let loss = NtXentConfig::default().init().unwrap();
    let plain = f64::from(loss.forward(a.clone(), b.clone(), &ctx).into_scalar::<f32>());
    assert_close("views", loss.forward(b.clone(), a.clone(), &ctx), &[plain], 1e-5, 0.0);
    assert_close("samples", loss.forward(a.flip([0]), b.flip([0]), &ctx), &[plain], 1e-5, 0.0);
}

#[test]
fn equal_rows_give_the_logarithm_of_the_number_of_candidates_and_one_sample_gives_0() {
    let device = under_test().autodiff();
    for temperature in [1e-3, 0.1] {
        for row in [[0.0, 0.0], [3.0, -4.0]] {
            for (rows, expected) in [(3, 5f64.ln()), (1, 0.0)] {
                let x = Tensor::<2>::from_floats([row], &device).repeat_dim(0, rows).detach().require_grad();
                let loss = NtXentConfig { temperature, ..Default::default() }.init().unwrap();
                let value = loss.forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
                // Logits of 1,000 are exact to 6e-5 in f32.
                assert_close("equal rows", value.clone(), &[expected], 1e-5, 2e-4);
                assert!(x.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
            }
        }
    }
}

#[test]
fn temperatures_that_are_not_positive_are_refused_with_their_value() {
    for temperature in [0.0, -0.1, f64::NAN] {
        let error = NtXentConfig { temperature, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)), "{error}");
        assert!(error.to_string().contains(&temperature.to_string()), "{error}");
    }
}
