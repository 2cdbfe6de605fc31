//! SigLIP's loss against open_clip's numbers, and what follows from its equation.

use burn::module::Param;
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_losses::{Logits, LossError, Sigmoid, SigmoidConfig};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::{golden_case, ranks};

const LOGITS: [Logits; 2] = [Logits::Whole, Logits::Chunked];

fn vectors(rows: usize, columns: usize, phase: f64) -> Vec<Vec<f64>> {
    (0..rows).map(|i| (0..columns).map(|j| (1.3 * (i * columns + j) as f64 + phase).sin()).collect()).collect()
}

fn tensor(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), device)
}

fn numbers(x: Tensor<1>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_into_vec().expect("f64 data")
}

/// The loss with leaves of a golden case as its parameters.
fn with_parameters(log_scale: Tensor<1>, bias: Tensor<1>) -> Sigmoid {
    configured(SigmoidConfig::default(), log_scale, bias)
}

fn configured(config: SigmoidConfig, log_scale: Tensor<1>, bias: Tensor<1>) -> Sigmoid {
    let mut loss = config.init(&log_scale.device()).unwrap();
    loss.scale.log_scale = Param::from_tensor(log_scale);
    loss.bias = Param::from_tensor(bias);
    loss
}

#[test]
fn values_and_gradients_equal_open_clip() {
    let device = under_test().autodiff();
    for case in golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/sigmoid.json", 3, &device) {
        for logits in LOGITS {
            let config = SigmoidConfig { logits, ..Default::default() };
            let loss = configured(config, case.scalar("log_scale"), case.scalar("bias"));
            case.check(loss.forward(case.input("image"), case.input("text"), &StepContext::new(0, 0, 1)));
        }
    }
}

#[test]
fn the_starting_loss_equals_open_clips_in_a_closed_form_example() {
    let device = under_test();
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
    let device = under_test().autodiff();
    for case in golden_case::read_cases(env!("CARGO_MANIFEST_DIR"), "tests/golden/sigmoid.json", 3, &device) {
        for (world, logits) in [2, 3].into_iter().flat_map(|world| LOGITS.map(|logits| (world, logits))) {
            let config = SigmoidConfig { logits, ..Default::default() };
            let loss = configured(config, case.scalar("log_scale"), case.scalar("bias"));
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
    let device = under_test();
    let loss = SigmoidConfig::default().init(&device).unwrap();
    let mut values = Vec::new();
    for rows in [1, 2, 512] {
        let zeros = Tensor::<2>::zeros([rows, 4], &device);
        let value = loss.forward(zeros.clone(), zeros, &StepContext::new(0, 0, 1));
        values.push(f64::from(value.clone().into_scalar::<f32>()));
        let softplus = |x: f64| x.exp().ln_1p();
        let expected = softplus(10.0) + (rows - 1) as f64 * softplus(-10.0);
        assert_close(&format!("{rows} rows"), value, &[expected], 1e-6, 0.0);
    }
    // Each further row brings as much as the one before it.
    let at_32768 = values[0] + 32_767.0 / 511.0 * (values[2] - values[0]);
    assert!((at_32768 - 11.49).abs() < 0.005, "{at_32768}");
    assert_close("log scale", loss.scale.log_scale.val(), &[10f64.ln()], 1e-6, 0.0);
    assert_close("bias", loss.bias.val(), &[-10.0], 0.0, 0.0);
}

#[test]
fn chunks_equal_the_whole_in_value_and_every_gradient() {
    // To 1e-5 of the largest element: sums of 300 products in f32, in another order.
    let device = under_test().autodiff();
    let run = |logits: Logits, positives: fn(&Sigmoid, Tensor<2>, Tensor<2>) -> Tensor<1>| {
        device.seed(5);
        let random = || Tensor::<2>::random([300, 20], Distribution::Normal(0.0, 1.0), &device).require_grad();
        let (a, b) = (random(), random());
        let loss = SigmoidConfig { logits, ..Default::default() }.init(&device).unwrap();
        let value = positives(&loss, a.clone(), b.clone());
        let gradients = value.clone().backward();
        let of = |x: Tensor<1>| numbers(x.grad(&gradients).expect("a gradient"));
        let of_vectors = [a, b].map(|x| numbers(x.grad(&gradients).expect("a gradient").flatten(0, 1)));
        [numbers(value), of(loss.scale.log_scale.val()), of(loss.bias.val())].into_iter().chain(of_vectors)
    };
    let plain: fn(&Sigmoid, Tensor<2>, Tensor<2>) -> Tensor<1> =
        |loss, a, b| loss.forward(a, b, &StepContext::new(0, 0, 1));
    let grouped: fn(&Sigmoid, Tensor<2>, Tensor<2>) -> Tensor<1> = |loss, a, b| {
        let ids: Vec<u64> = (0..300).map(|row| row % 70).collect();
        loss.forward_with_ids(a, b, &ids, &StepContext::new(0, 0, 1))
    };
    for positives in [plain, grouped, |loss, a, b| loss.negatives(a, b)] {
        for (whole, chunked) in run(Logits::Whole, positives).zip(run(Logits::Chunked, positives)) {
            let largest = whole.iter().fold(0f64, |largest, x| largest.max(x.abs()));
            for (a, e) in chunked.iter().zip(&whole) {
                assert!((a - e).abs() <= 1e-5 * largest, "{a}, not {e}");
            }
        }
    }
}

#[test]
fn rows_with_one_id_are_positives_of_each_other() {
    let (device, ctx) = (under_test(), StepContext::new(0, 0, 1));
    let (a, b) = (vectors(4, 3, 0.1), vectors(4, 3, 0.9));
    let ids = [7, u64::MAX, 7, 3];
    let (scale, bias) = (10.0, -10.0);
    let normalised = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let unit = |row: &Vec<f64>| row.iter().map(|x| x / row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
        rows.iter().map(unit).collect()
    };
    let (x, y) = (normalised(&a), normalised(&b));
    let mut expected = 0.0;
    for i in 0..4 {
        for j in 0..4 {
            let logit = scale * x[i].iter().zip(&y[j]).map(|(x, y)| x * y).sum::<f64>() + bias;
            expected += if ids[i] == ids[j] { (-logit).exp().ln_1p() } else { logit.exp().ln_1p() } / 4.0;
        }
    }
    for logits in LOGITS {
        let loss = SigmoidConfig { logits, ..Default::default() }.init(&device).unwrap();
        let value = loss.forward_with_ids(tensor(&a, &device), tensor(&b, &device), &ids, &ctx);
        assert_close("with ids", value, &[expected], 1e-5, 0.0);
        let distinct = loss.forward_with_ids(tensor(&a, &device), tensor(&b, &device), &[0, 1, 2, 3], &ctx);
        let plain = loss.forward(tensor(&a, &device), tensor(&b, &device), &ctx);
        assert_close("distinct ids", distinct, &[f64::from(plain.into_scalar::<f32>())], 1e-6, 0.0);
    }
}

#[test]
fn the_gradient_equals_central_differences_with_ids_and_without_positives() {
    // The whole matrix and chunks are both composed of burn's operations in f64.
    let device = under_test().autodiff();
    let inputs = [vectors(3, 4, 0.1), vectors(3, 4, 0.9)];
    for logits in LOGITS {
        let parameter = |value: f64| Tensor::from_data(TensorData::new(vec![value], [1]), (&device, DType::F64));
        let config = SigmoidConfig { logits, ..Default::default() };
        let wide = configured(config, parameter(0.7), parameter(-0.3));
        let ctx = StepContext::new(0, 0, 1);
        assert_matches_differences("with ids", &inputs, &device, 1e-8, |inputs| {
            wide.forward_with_ids(inputs[0].clone(), inputs[1].clone(), &[4, 4, 9], &ctx)
        });
        assert_matches_differences("negatives", &inputs, &device, 1e-8, |inputs| {
            wide.negatives(inputs[0].clone(), inputs[1].clone())
        });
    }
}

#[test]
fn the_negatives_alone_equal_open_clips_in_a_closed_form_example() {
    let device = under_test();
    let closed_form = |phase: f64| -> Vec<Vec<f64>> {
        (0..6).map(|i| (0..8).map(|j| (0.37 * ((i + 1) * (j + 1)) as f64 + phase).sin()).collect()).collect()
    };
    let (a, b) = (tensor(&closed_form(0.1), &device), tensor(&closed_form(0.9), &device));
    let value = SigmoidConfig::default().init(&device).unwrap().negatives(a, b);
    assert_close("negatives", value, &[0.056_802_274_028_739_26], 1e-5, 0.0);
}

#[test]
fn zero_rows_identical_rows_and_extreme_parameters_stay_finite() {
    let device = under_test().autodiff();
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
    let device = under_test().autodiff();
    let parameter = |value: f32| Tensor::<1>::from_floats([value], &device).require_grad();
    let (bias, zeros) = (parameter(0.0), Tensor::<2>::zeros([3, 2], &device));
    let value = with_parameters(parameter(0.0), bias.clone()).forward(zeros.clone(), zeros, &StepContext::new(0, 0, 1));
    // Two negatives pull with 1/2 each, the positive with -1/2.
    assert_close("d/d bias", bias.grad(&value.backward()).unwrap(), &[0.5], 1e-6, 0.0);
}

#[test]
fn starting_points_that_are_no_numbers_are_refused_with_their_value() {
    let device = under_test();
    for temperature in [0.0, -1.0, f64::NAN] {
        let error = SigmoidConfig { temperature, ..Default::default() }.init(&device).unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)) && error.to_string().contains(&temperature.to_string()));
    }
    let error = SigmoidConfig { bias: f64::INFINITY, ..Default::default() }.init(&device).unwrap_err();
    assert!(matches!(error, LossError::Bias(_)) && error.to_string().contains("inf"), "{error}");
}
