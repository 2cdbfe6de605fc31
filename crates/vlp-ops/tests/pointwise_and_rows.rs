//! Layer normalisation, gates, linear layers, tables, unit rows, cross-entropy and AdamW against PyTorch's numbers and slopes.

use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{DType, Device, FloatDType, Int, Tensor, TensorData};
use serde_json::Value;
use vlp_ops::{
    AdamWNumbers, adamw_step, embedding, gelu, gelu_tanh, l2_norm, l2_normalize, layer_norm, linear, quick_gelu,
    softmax_cross_entropy,
};
use vlp_testkit::device::under_test;

type Operation = fn(Tensor<2>) -> Tensor<2>;

fn device() -> Device {
    under_test().autodiff()
}

/// The inputs of scripts/golden/ops.py.
fn wave<const D: usize>(shape: [usize; D], phase: f64, scale: f64, device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (1..=count).map(|i| (scale * (0.71 * i as f64 + phase).sin()) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f32>().map(f64::from).collect()
}

/// Differences in units of the largest element.
fn close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-30, |a: f64, b| a.max(b.abs()));
    for (at, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{what}[{at}]: {a} is not {b}");
    }
}

/// f32 against f64: sums of up to 70 numbers around 1.
const TOLERANCE: f64 = 2e-6;

/// Output and gradients of up to three inputs of any rank, flattened.
type Results = (Vec<f64>, Vec<Vec<f64>>);

macro_rules! run {
    ($output:expr, $gradient:expr, $($learned:expr),+) => {{
        let output = $output;
        let gradients = (output.clone() * $gradient).sum().backward();
        (values(output), vec![$(values($learned.grad(&gradients).unwrap())),+])
    }};
}

fn check(name: &str, (output, gradients): Results) {
    let golden: Value = serde_json::from_str(include_str!("golden/ops.json")).unwrap();
    close(name, &output, &numbers(&golden[name]["output"]), TOLERANCE);
    let expected = golden[name]["gradients"].as_array().unwrap();
    assert_eq!(gradients.len(), expected.len());
    for (number, (actual, expected)) in gradients.iter().zip(expected).enumerate() {
        close(&format!("{name}, gradient {number}"), actual, &numbers(expected), TOLERANCE);
    }
}

#[test]
fn layer_norm_equals_pytorch() {
    let d = device();
    let x = wave([2, 3, 70], 0.0, 2.0, &d).require_grad();
    let (gamma, beta) = (wave([70], 0.5, 1.0, &d).require_grad(), wave([70], 0.9, 1.0, &d).require_grad());
    let y = layer_norm(x.clone(), gamma.clone(), Some(beta.clone()), 1e-5);
    check("layer_norm", run!(y, wave([2, 3, 70], 0.2, 1.0, &d), x, gamma, beta));
}

#[test]
fn gates_equal_pytorch() {
    let gates: [(&str, Operation); 3] = [("gelu", gelu), ("gelu_tanh", gelu_tanh), ("quick_gelu", quick_gelu)];
    for (name, gate) in gates {
        let d = device();
        let x = wave([9, 11], 0.0, 6.0, &d).require_grad();
        check(name, run!(gate(x.clone()), wave([9, 11], 0.2, 1.0, &d), x));
    }
}

#[test]
fn linear_equals_pytorch() {
    let d = device();
    let x = wave([2, 5, 7], 0.0, 1.0, &d).require_grad();
    let (weight, bias) = (wave([7, 6], 0.5, 1.0, &d).require_grad(), wave([6], 0.9, 1.0, &d).require_grad());
    let y = linear(x.clone(), weight.clone(), Some(bias.clone()));
    check("linear", run!(y, wave([2, 5, 6], 0.2, 1.0, &d), x, weight, bias));
}

#[test]
fn embedding_equals_pytorch_with_ids_repeated_and_unused() {
    let d = device();
    let table = wave([9, 6], 0.0, 1.0, &d).require_grad();
    let ids = Tensor::<2, Int>::from_data([[3, 0, 3, 8], [3, 1, 7, 0]], &d);
    let results = run!(embedding(table.clone(), ids), wave([2, 4, 6], 0.2, 1.0, &d), table);
    assert!(results.1[0][2 * 6..3 * 6].iter().all(|&x| x == 0.0), "nobody used row 2");
    check("embedding", results);
}

#[test]
fn unit_rows_equal_pytorch() {
    let d = device();
    let x = wave([4, 70], 0.0, 0.3, &d).require_grad();
    check("l2_normalize", run!(l2_normalize(x.clone()), wave([4, 70], 0.2, 1.0, &d), x));
}

#[test]
fn cross_entropy_equals_pytorch() {
    for (name, smoothing) in [("cross_entropy", 0.0), ("cross_entropy_smoothed", 0.1)] {
        let d = device();
        let x = wave([4, 70], 0.0, 5.0, &d).require_grad();
        let targets = Tensor::<1, Int>::from_data([0, 69, 13, 13], &d);
        let losses = softmax_cross_entropy(x.clone(), targets, smoothing);
        check(name, run!(losses, wave([4], 0.2, 1.0, &d), x));
    }
}

const STEP: AdamWNumbers =
    AdamWNumbers { rate: 1e-2, beta_1: 0.9, beta_2: 0.98, epsilon: 1e-8, weight_decay: 0.1, time: 1 };

#[test]
fn ten_steps_of_adamw_equal_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("golden/ops.json")).unwrap();
    let d = under_test();
    let (mut p, mut moments) = (wave([3, 5], 0.0, 1.0, &d), [Tensor::zeros([3, 5], &d), Tensor::zeros([3, 5], &d)]);
    for (t, expected) in golden["adamw"].as_array().unwrap().iter().enumerate() {
        let gradient = wave([3, 5], 1.0 + t as f64, 1.0 + 0.5 * t as f64, &d);
        (p, moments) = adamw_step(p, gradient, moments, AdamWNumbers { time: t + 1, ..STEP });
        // Parameters of size 1 in f32; PyTorch computes in f64.
        close("adamw", &values(p.clone()), &numbers(expected), 1e-6);
    }
}

#[test]
fn adamw_has_the_bits_of_burns_and_leaves_shared_tensors_alone() {
    use burn::module::{Module, Param};
    #[derive(Module, Debug)]
    struct One {
        weight: Param<Tensor<2>>,
    }
    let d = under_test();
    let shape = [130, 257];
    let mut model = One { weight: Param::from_tensor(wave(shape, 0.0, 1.0, &d.clone().autodiff())) };
    let config = AdamWConfig::new().with_beta_2(0.98).with_epsilon(1e-8).with_weight_decay(0.1);
    let mut theirs = config.init();
    let first = wave(shape, 0.0, 1.0, &d);
    let (mut p, mut moments) = (first.clone(), [Tensor::zeros(shape, &d), Tensor::zeros(shape, &d)]);
    for time in 1..=5 {
        let gradient = wave(shape, time as f64, 1e-3, &d);
        let mut gradients = GradientsParams::new();
        gradients.register(model.weight.id, gradient.clone());
        model = theirs.step(STEP.rate, model, gradients);
        (p, moments) = adamw_step(p, gradient, moments, AdamWNumbers { time, ..STEP });
        let (ours, theirs) = (p.clone().into_data(), model.weight.val().inner().into_data());
        assert_eq!(ours.try_to_vec::<f32>().unwrap(), theirs.try_to_vec::<f32>().unwrap(), "step {time}");
    }
    assert_eq!(values(first), values(wave(shape, 0.0, 1.0, &d)));
}

#[test]
fn a_slope_of_every_operation_is_what_the_gradient_says() {
    let d = under_test();
    let weights = wave([3, 9], 0.3, 1.0, &d);
    let table: [(&str, Operation); 6] = [
        ("gelu", gelu),
        ("gelu_tanh", gelu_tanh),
        ("quick_gelu", quick_gelu),
        ("l2_normalize", l2_normalize),
        ("layer_norm", |x| {
            let gamma = wave([9], 0.1, 1.0, &x.device());
            layer_norm(x, gamma, None, 1e-5)
        }),
        ("cross_entropy", |x| {
            let targets = Tensor::<1, Int>::from_data([2, 0, 8], &x.device());
            softmax_cross_entropy(x, targets, 0.2).reshape([3, 1]).repeat_dim(1, 9)
        }),
    ];
    for (name, function) in table {
        let base = wave([3, 9], 0.0, 1.5, &d);
        let x = Tensor::<2>::from_data(base.clone().into_data(), &device()).require_grad();
        let of_device = Tensor::<2>::from_data(weights.clone().into_data(), &device());
        let gradient = values(x.grad(&(function(x.clone()) * of_device).sum().backward()).unwrap());
        let at = |x: Vec<f32>| -> f64 {
            let y = function(Tensor::from_data(TensorData::new(x, [3, 9]), &d));
            values(y).iter().zip(values(weights.clone())).map(|(y, w)| y * w).sum()
        };
        let start: Vec<f32> = base.into_data().try_to_vec().unwrap();
        for index in [0, 7, 13, 26] {
            let moved = |by: f32| {
                let mut x = start.clone();
                x[index] += by;
                at(x)
            };
            // f32 values of size 1 divided by 0.02: 1e-5 of rounding, and the cubic term.
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!((slope - gradient[index]).abs() < 2e-3, "{name}[{index}]: {slope} is not {}", gradient[index]);
        }
    }
}

#[test]
fn extremes_stay_finite_where_they_should() {
    let d = device();
    // Constant rows have variance 0; one column is always constant; a large mean must not swallow the variance.
    let constant = Tensor::<2>::full([2, 70], 7.0, &d).require_grad();
    let y = layer_norm(constant.clone(), Tensor::ones([70], &d), None, 1e-5);
    let gradient = constant.grad(&(y.clone() * wave([2, 70], 0.0, 1.0, &d)).sum().backward()).unwrap();
    assert!(values(y).iter().all(|&y| y == 0.0) && values(gradient).iter().all(|g| g.is_finite()));
    let narrow = layer_norm(wave([5, 1], 0.0, 1.0, &d), Tensor::ones([1], &d), Some(Tensor::ones([1], &d)), 1e-5);
    assert_eq!(values(narrow), [1.0; 5]);
    let far = wave([1, 70], 0.0, 1.0, &d) + 4096.0;
    let near = far.clone() - 4096.0;
    let norm = |x| values(layer_norm(x, Tensor::ones([70], &d), None, 1e-5));
    // The mean in f32 is off by at most half a unit of 4096 in the last place, 2.4e-4.
    close("far from zero", &norm(far), &norm(near), 1e-3);

    let x = Tensor::<1>::from_floats([-1e30, -100.0, -13.5, 0.0, 13.5, 100.0, 1e30], &d).require_grad();
    for gate in [gelu::<1> as fn(Tensor<1>) -> Tensor<1>, quick_gelu::<1>] {
        let y = gate(x.clone());
        let slope = values(x.grad(&y.clone().sum().backward()).unwrap());
        assert_eq!((values(y.clone())[0], values(y)[6] as f32), (0.0, 1e30));
        assert!((slope[6] - 1.0).abs() < 1e-6 && slope[0].abs() < 1e-6 && slope[3] == 0.5, "{slope:?}");
    }

    let broken = Tensor::<1>::from_floats([f32::NAN], &d).require_grad();
    for gate in [gelu::<1> as fn(Tensor<1>) -> Tensor<1>, gelu_tanh::<1>, quick_gelu::<1>] {
        let y = gate(broken.clone());
        let slope = values(broken.grad(&y.clone().sum().backward()).unwrap());
        assert!(values(y)[0].is_nan() && slope[0].is_nan(), "NaN must stay");
    }

    let zeros = Tensor::<2>::zeros([2, 5], &d).require_grad();
    let y = l2_normalize(zeros.clone());
    let gradient = values(zeros.grad(&(y.clone() * 1e-3).sum().backward()).unwrap());
    assert!(values(y).iter().all(|&y| y == 0.0) && gradient.iter().all(|g| g.is_finite() && *g > 0.0));

    let large = Tensor::<2>::from_floats([[1e30, -1e30, 0.0], [f32::NEG_INFINITY, 3.0, 3.0]], &d).require_grad();
    let losses = softmax_cross_entropy(large.clone(), Tensor::<1, Int>::from_data([0, 1], &d), 0.0);
    let gradient = values(large.grad(&losses.clone().sum().backward()).unwrap());
    close("losses", &values(losses), &[0.0, 2f64.ln()], 1e-6);
    close("gradient", &gradient, &[0.0, 0.0, 0.0, 0.0, -0.5, 0.5], 1e-6);
}

#[test]
fn half_precision_goes_in_and_comes_out_with_statistics_in_f32() {
    let d = device();
    for dtype in [FloatDType::F16, FloatDType::BF16] {
        let x = (wave([4, 70], 0.0, 1.0, &d) + 10.0).cast(dtype);
        let (gamma, beta) = (Tensor::<1>::ones([70], &d), Tensor::<1>::zeros([70], &d));
        let wide = layer_norm(x.clone().cast(FloatDType::F32), gamma.clone(), Some(beta.clone()), 1e-5);
        let y = layer_norm(x.clone(), gamma.cast(dtype), Some(beta.cast(dtype)), 1e-5);
        let expected = DType::from(dtype);
        assert_eq!(y.dtype(), expected);
        // Half a unit in the last place of bf16 at 2.
        close("layer_norm", &values(y.cast(FloatDType::F32)), &values(wide), 4e-3);
        assert_eq!([gelu(x.clone()).dtype(), l2_normalize(x).dtype()], [expected; 2]);
    }
}

#[test]
fn the_gradient_of_a_bias_is_summed_in_f32() {
    let device = device();
    let half = |x: Tensor<2>| x.cast(FloatDType::BF16);
    let x = half(Tensor::zeros([3000, 2], &device));
    let weight = half(Tensor::zeros([2, 3], &device));
    let bias = Tensor::<1>::zeros([3], &device).require_grad();
    let y = linear(x, weight, Some(bias.clone().cast(FloatDType::BF16)));
    let gradients = y.cast(FloatDType::F32).sum().backward();
    // 3000 ones: a sum in bfloat16 stays at 256, and 3008 is the nearest number there.
    assert_eq!(values(bias.grad(&gradients).unwrap()), [3008.0; 3]);
}

#[test]
fn gradients_of_tables_and_columns_are_the_same_every_time() {
    let d = device();
    let once = || {
        let table = wave([300, 64], 0.0, 1.0, &d).require_grad();
        let ids: Vec<i32> = (0..8192).map(|i| (i * i * 7 + i) % 300).collect();
        let rows = embedding(table.clone(), Tensor::<2, Int>::from_data(TensorData::new(ids, [64, 128]), &d));
        let gamma = wave([64], 0.5, 1.0, &d).require_grad();
        let y = layer_norm(rows, gamma.clone(), None, 1e-5);
        let gradients = (y.clone() * y).sum().backward();
        (values(table.grad(&gradients).unwrap()), values(gamma.grad(&gradients).unwrap()))
    };
    let first = once();
    for _ in 0..5 {
        assert_eq!(once(), first);
    }
}

#[test]
#[should_panic(expected = "layer normalisation of rows of 4 needs a gamma of that length, got 3")]
fn a_gamma_of_another_length_is_refused() {
    let d = under_test();
    layer_norm(Tensor::<2>::zeros([2, 4], &d), Tensor::ones([3], &d), None, 1e-5);
}

#[test]
#[should_panic(expected = "id 9 is none of the 9 rows of the table")]
fn an_id_outside_the_table_is_refused() {
    // Other backends do not look, or have words of their own.
    let d = Device::flex();
    embedding(Tensor::<2>::zeros([9, 2], &d), Tensor::from_data([[0, 9]], &d));
}

#[test]
#[should_panic(expected = "cross-entropy of 2 rows needs as many targets, got 3")]
fn another_number_of_targets_is_refused() {
    let d = under_test();
    softmax_cross_entropy(Tensor::<2>::zeros([2, 4], &d), Tensor::from_data([0, 1, 2], &d), 0.0);
}

#[test]
fn cross_entropy_keeps_its_digits_where_a_row_is_nearly_solved() {
    let device = device();
    // Whole numbers, which f32 holds: the target leads the others by so much.
    for lead in [1.0, 6.0, 12.0, 16.0, 20.0, 25.0] {
        for classes in [2, 5, 70, 200] {
            let value = |k: usize| if k == 1 { 90.0 } else { 90.0 - lead - (k % 3) as f64 };
            let logits: Vec<f32> = (0..classes).map(|k| value(k) as f32).collect();
            let logits = Tensor::<2>::from_data(TensorData::new(logits, [1, classes]), &device).require_grad();
            let targets = Tensor::<1, Int>::from_ints([1], &device);
            let loss = softmax_cross_entropy(logits.clone(), targets, 0.0);
            let gradient = values(logits.grad(&loss.backward()).unwrap());
            let others = || (0..classes).filter(|&k| k != 1).map(|k| (value(k) - 90.0).exp());
            let rest: f64 = others().sum();
            let what = format!("{classes} classes, lead {lead}");
            let off = |actual: f64, expected: f64| (actual / expected - 1.0).abs();
            assert!(off(values(loss)[0], rest.ln_1p()) < 2e-6, "{what}");
            // Shares come from a log-sum-exp of 90, which f32 holds to 4e-6.
            assert!(off(-gradient[1], rest / (1.0 + rest)) < 2e-5, "{what}: {}", gradient[1]);
            assert!(off(gradient[0], (value(0) - 90.0).exp() / (1.0 + rest)) < 2e-5, "{what}");
            let soft = vlp_ops::row_softmax(logits.inner());
            assert!(off(values(soft.log_sum)[0], rest.ln_1p()) < 2e-6, "{what}: softmax");
        }
    }
}

#[test]
fn norms_neither_overflow_nor_vanish() {
    let device = device().inner();
    for exponent in (-40..=37).step_by(7).chain([19, 20]) {
        for dims in [[1, 1], [3, 5], [1, 40_000], [700, 90]] {
            let x = wave(dims, 0.3, 10f64.powi(exponent), &device);
            let host = values(x.clone()).iter().map(|x| x * x).sum::<f64>().sqrt();
            let norm = values(l2_norm(x));
            if host > f64::from(f32::MAX) {
                assert_eq!(norm[0], f64::INFINITY, "1e{exponent}, {dims:?}");
                continue;
            }
            // Below 1e-38 f32 has fewer digits.
            assert!((norm[0] - host).abs() <= 1e-6 * host + 1e-44, "1e{exponent}, {dims:?}: {} is not {host}", norm[0]);
        }
    }
    let vector = |values: [f32; 3]| Tensor::<1>::from_floats(values, &device);
    assert_eq!(values(l2_norm(vector([0.0; 3]))), [0.0]);
    assert_eq!(values(l2_norm(vector([-3.0, 0.0, 4.0]))), [5.0]);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(!values(l2_norm(vector([1.0, bad, 0.0])))[0].is_finite(), "{bad}");
    }
    let half = vector([3.0, 4.0, 0.0]).cast(FloatDType::F16) * 1e4;
    assert!((values(l2_norm(half))[0] - 5e4).abs() < 50.0);
}
