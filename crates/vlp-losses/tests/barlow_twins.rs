//! Barlow Twins against lightly's numbers, and what follows from its equation.

use burn::tensor::{Device, Distribution, Tensor};
use vlp_core::StepContext;
use vlp_losses::{BarlowTwins, BarlowTwinsConfig, CorrelationGradient, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::golden_case::{self, GoldenCase};
use vlp_testkit::ranks;

fn cases(device: &Device) -> Vec<GoldenCase> {
    golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/barlow_twins.json", 3, device)
}

fn loss_of(case: &GoldenCase) -> BarlowTwins {
    let config = BarlowTwinsConfig {
        off_diagonal: case.param("lambda_offdiag"),
        epsilon: case.param("bn_eps"),
        ..Default::default()
    };
    config.init().unwrap()
}

#[test]
fn values_and_gradients_equal_lightly() {
    for case in cases(&under_test().autodiff()) {
        case.check(loss_of(&case).forward(case.input("z1"), case.input("z2"), &StepContext::new(0, 0, 1)));
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    for (case, world) in cases(&under_test().autodiff()).iter().zip([3, 4, 5]) {
        let loss = loss_of(case);
        ranks::check_case(case, [world], ["z1", "z2"], |[a, b], ctx| loss.forward(a, b, ctx));
    }
}

#[test]
fn averaged_over_ranks_the_gradient_of_the_own_rank_is_that_of_one_rank_divided_by_their_number() {
    for (case, world) in cases(&under_test().autodiff()).iter().zip([3, 4, 5]) {
        let config = BarlowTwinsConfig { off_diagonal: case.param("lambda_offdiag"), ..Default::default() };
        let loss = BarlowTwinsConfig { gradient: CorrelationGradient::OwnRank, ..config }.init().unwrap();
        let mean = ranks::mean_loss(world, &[case.input("z1"), case.input("z2")], |inputs, ctx| {
            let [a, b] = inputs.try_into().unwrap();
            loss.forward(a, b, ctx)
        });
        // The same value with `world` times the gradient.
        case.check(mean.clone() * world as f64 - mean.detach() * (world - 1) as f64);
    }
}

#[test]
fn scaling_and_shifting_a_dimension_changes_nothing() {
    // Up to epsilon: 1e-5 next to variances of about 1.
    let device = under_test();
    device.seed(2);
    let random = || Tensor::<2>::random([16, 4], Distribution::Normal(0.0, 1.0), &device);
    let (a, b, ctx) = (random(), random(), StepContext::new(0, 0, 1));
    let loss = BarlowTwinsConfig::default().init().unwrap();
    let plain = f64::from(loss.forward(a.clone(), b.clone(), &ctx).into_scalar::<f32>());
    let factors = Tensor::<2>::from_floats([[2.0, 0.5, 7.0, 1.5]], &device);
    let shifts = Tensor::<2>::from_floats([[-3.0, 10.0, 0.1, 5.0]], &device);
    assert_close("affine", loss.forward(a * factors + shifts, b * 3.0 - 1.0, &ctx), &[plain], 1e-4, 0.0);
}

#[test]
fn constant_dimensions_zeros_and_a_batch_of_1_have_correlation_0() {
    let device = under_test().autodiff();
    for rows in [vec![[0.0f32; 3]; 4], vec![[1.0, 2.0, 3.0]; 4], vec![[1.0, 2.0, 3.0]]] {
        let flat = burn::tensor::TensorData::new(rows.concat(), [rows.len(), 3]);
        let x = Tensor::<2>::from_data(flat, &device).require_grad();
        let loss = BarlowTwinsConfig::default().init().unwrap();
        let value = loss.forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
        assert_close("one for each dimension", value.clone(), &[3.0], 0.0, 1e-6);
        assert!(x.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
    }
}

#[test]
fn constants_out_of_range_are_refused_with_their_value() {
    let error = BarlowTwinsConfig { off_diagonal: -0.5, ..Default::default() }.init().unwrap_err();
    assert!(matches!(error, LossError::Coefficient { .. }) && error.to_string().contains("-0.5"), "{error}");
    for epsilon in [0.0, f64::NAN] {
        let error = BarlowTwinsConfig { epsilon, ..Default::default() }.init().unwrap_err();
        assert!(error.to_string().contains(&format!("epsilon {epsilon}")), "{error}");
    }
}
