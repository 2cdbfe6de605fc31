//! SigLIP's loss against open_clip's numbers, and what follows from its equation.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_losses::{LossError, Sigmoid, SigmoidConfig};
use vlp_testkit::golden::assert_close;
use vlp_testkit::{golden_case, ranks};

/// The loss with leaves of a golden case as its parameters.
fn with_parameters(log_scale: Tensor<1>, bias: Tensor<1>) -> Sigmoid {
    let mut loss = SigmoidConfig::default().init(&log_scale.device()).unwrap();
    loss.scale.log_scale = Param::from_tensor(log_scale);
    loss.bias = Param::from_tensor(bias);
    loss
}

#[test]
fn values_and_gradients_equal_open_clip() {
    let device = Device::flex().autodiff();
    for case in golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/sigmoid.json", &device) {
        let loss = with_parameters(case.scalar("log_scale"), case.scalar("bias"));
        case.check(loss.forward(case.input("image"), case.input("text"), &StepContext::new(0, 0, 1)));
    }
}

#[test]
fn the_starting_loss_equals_open_clips_in_a_closed_form_example() {
    let device = Device::flex();
    let vectors = |phase: f64| {
        let row = |i: usize| (0..8).map(move |j| (0.37 * ((i + 1) * (j + 1)) as f64 + phase).sin() as f32);
        Tensor::<1>::from_data(TensorData::from(&*(0..6).flat_map(row).collect::<Vec<_>>()), &device).reshape([6, 8])
    };
    let loss = SigmoidConfig::default().init(&device).unwrap();
    let value = loss.forward(vectors(0.1), vectors(0.9), &StepContext::new(0, 0, 1));
    assert_close("siglip", value, &[3.158_584_046_481_741], 1e-5, 0.0);
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    let device = Device::flex().autodiff();
    for case in golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/sigmoid.json", &device) {
        for world in [2, 3] {
            let loss = with_parameters(case.scalar("log_scale"), case.scalar("bias"));
            let inputs = [case.input("image"), case.input("text")];
            case.check(ranks::mean_loss(world, &inputs, |inputs, ctx| {
                let [image, text] = inputs.try_into().unwrap();
                loss.forward(image, text, ctx)
            }));
        }
    }
}

#[test]
fn the_loss_starts_where_the_paper_says() {
    // Without similarity: N - 1 negatives of softplus(-10) and one positive of softplus(10). At N = 32,768 that is 11.49.
    let device = Device::flex();
    let loss = SigmoidConfig::default().init(&device).unwrap();
    for rows in [1, 2, 512] {
        let zeros = Tensor::<2>::zeros([rows, 4], &device);
        let value = loss.forward(zeros.clone(), zeros, &StepContext::new(0, 0, 1));
        let softplus = |x: f64| x.exp().ln_1p();
        let expected = softplus(10.0) + (rows - 1) as f64 * softplus(-10.0);
        assert_close(&format!("{rows} rows"), value, &[expected], 1e-6, 0.0);
        let at_32768 = softplus(10.0) + 32_767.0 * softplus(-10.0);
        assert!((at_32768 - 11.49).abs() < 0.005);
    }
    assert_close("log scale", loss.scale.log_scale.val(), &[10f64.ln()], 1e-6, 0.0);
    assert_close("bias", loss.bias.val(), &[-10.0], 0.0, 0.0);
}

#[test]
fn zero_rows_identical_rows_and_extreme_parameters_stay_finite() {
    let device = Device::flex().autodiff();
    for row in [[0.0; 3], [1.0, 2.0, 3.0]] {
        for (log_scale, bias) in [(100f32.ln(), -10.0), (100f32.ln(), 200.0), (0.0, -1e4), (0.0, 0.0)] {
            let x = Tensor::<2>::from_floats([row, row], &device).require_grad();
            let parameter = |value: f32| Tensor::<1>::from_floats([value], &device).require_grad();
            let loss = with_parameters(parameter(log_scale), parameter(bias));
            let value = loss.forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
            assert!(value.clone().is_finite().all().into_scalar::<bool>(), "{row:?}, {log_scale}, {bias}");
            let gradients = value.backward();
            assert!(x.grad(&gradients).unwrap().is_finite().all().into_scalar::<bool>());
            assert!(loss.bias.grad(&gradients).unwrap().is_finite().all().into_scalar::<bool>());
        }
    }
}

#[test]
fn the_gradient_at_logit_zero_is_one_half() {
    // A softplus made of max(x, 0) and |x| has gradient 0 there.
    let device = Device::flex().autodiff();
    let parameter = |value: f32| Tensor::<1>::from_floats([value], &device).require_grad();
    let (bias, zeros) = (parameter(0.0), Tensor::<2>::zeros([3, 2], &device));
    let value = with_parameters(parameter(0.0), bias.clone()).forward(zeros.clone(), zeros, &StepContext::new(0, 0, 1));
    // Two negatives pull with 1/2 each, the positive with -1/2.
    assert_close("d/d bias", bias.grad(&value.backward()).unwrap(), &[0.5], 1e-6, 0.0);
}

#[test]
fn starting_points_that_are_no_numbers_are_refused_with_their_value() {
    let device = Device::flex();
    for temperature in [0.0, -1.0, f64::NAN] {
        let error = SigmoidConfig { temperature, ..Default::default() }.init(&device).unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)) && error.to_string().contains(&temperature.to_string()));
    }
    let error = SigmoidConfig { bias: f64::INFINITY, ..Default::default() }.init(&device).unwrap_err();
    assert!(matches!(error, LossError::Bias(_)) && error.to_string().contains("inf"), "{error}");
}
