//! InfoNCE beyond the golden cases (`clip_rocket.rs`): chunks against the whole, targets, ranks, extremes.

use burn::tensor::{DType, Device, Distribution, FloatDType, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_losses::{InfoNce, InfoNceConfig, InfoNceTerms, KeyGradients, Logits};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::ranks::{self, Exchange};

const LOGITS: [Logits; 2] = [Logits::Whole, Logits::Chunked];

fn configured(label_smoothing: f64, key_gradients: KeyGradients, logits: Logits) -> InfoNce {
    InfoNceConfig { label_smoothing, key_gradients, logits }.init().unwrap()
}

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_into_vec().expect("f64 data")
}

/// A leaf where the device tracks gradients.
fn scale(value: f32, device: &Device) -> Tensor<1> {
    let scale = Tensor::<1>::from_floats([value], device);
    if device.is_autodiff() { scale.require_grad() } else { scale }
}

fn random(rows: usize, dim: usize, device: &Device) -> Tensor<2> {
    Tensor::random([rows, dim], Distribution::Normal(0.0, 1.0), device)
}

/// Value, accuracy and the gradients of both sides and the scale.
fn outcome(terms: InfoNceTerms, leaves: [&Tensor<2>; 2], scale: &Tensor<1>) -> Vec<Vec<f64>> {
    let accuracy = numbers(terms.accuracy.clone());
    let loss = terms.loss();
    let value = numbers(loss.clone());
    let gradients = loss.backward();
    let sides = leaves.map(|x| numbers(x.grad(&gradients).expect("a gradient")));
    let [a, b] = sides;
    vec![value, accuracy, a, b, numbers(scale.grad(&gradients).expect("a gradient"))]
}

/// To `tolerance` of the largest element, plus 1e-7 for gradients of vectors and 1e-5 for numbers: all are differences of
/// much larger terms, and at scale 100 a log-sum-exp itself is rounded to 8e-6.
fn assert_same(what: &str, actual: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    for (part, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let largest = expected.iter().fold(0f64, |largest, x| largest.max(x.abs()));
        let rounding = if expected.len() == 1 { 1e-5 } else { 1e-7 };
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() <= tolerance * largest + rounding, "{what}, part {part}: {a}, not {e}");
        }
    }
}

#[test]
fn chunks_equal_the_whole_on_random_and_adversarial_inputs() {
    let device = under_test().autodiff();
    device.seed(7);
    let (rows, dim) = (700, 24);
    let base = random(rows, dim, &device);
    let near = base.clone() + random(rows, dim, &device) * 0.05;
    let same = base.clone().slice([0..1]).expand([rows, dim]);
    let opposite = base.clone().neg();
    let sparse = base.clone().slice([0..rows - 1]);
    let sparse = Tensor::cat(vec![Tensor::zeros([1, dim], &device), sparse], 0);
    let cases = [
        ("random", base.clone(), random(rows, dim, &device)),
        ("nearly equal", base.clone(), near),
        ("all rows equal", same.clone(), same),
        ("all negative", base.clone().abs(), opposite.abs().neg()),
        ("a zero row", sparse, base.clone()),
        ("tiny and huge", base.clone() * 1e-9, random(rows, dim, &device) * 1e9),
    ];
    for (name, a, b) in cases {
        for factor in [1.0, 14.3, 100.0] {
            for (smoothing, keys) in
                [(0.0, KeyGradients::Full), (0.1, KeyGradients::Full), (0.1, KeyGradients::Detached)]
            {
                // The whole in f64 is what both would be without rounding.
                let run = |logits: Logits, dtype: FloatDType| {
                    let leaf = |x: &Tensor<2>| x.clone().cast(dtype).detach().require_grad();
                    let (a, b) = (leaf(&a), leaf(&b));
                    let scale = scale(factor, &device).cast(dtype).detach().require_grad();
                    let terms =
                        configured(smoothing, keys, logits).forward(a.clone(), b.clone(), scale.clone(), &ctx());
                    outcome(terms, [&a, &b], &scale)
                };
                let (whole, chunked) = (run(Logits::Whole, FloatDType::F64), run(Logits::Chunked, FloatDType::F32));
                assert!(chunked.iter().flatten().all(|x| x.is_finite()), "{name}, scale {factor}");
                // Accuracy may differ where rows tie to the last bit.
                let parts = |x: &[Vec<f64>]| [&x[..1], &x[2..]].concat();
                let what = format!("{name}, scale {factor}, smoothing {smoothing}, {keys:?}");
                assert_same(&what, &parts(&chunked), &parts(&whole), 2e-5);
            }
        }
    }
}

#[test]
fn keys_that_are_detached_on_one_rank_send_the_gradients_of_two_computations_with_constant_keys() {
    let device = under_test().autodiff();
    device.seed(2);
    let (a, b) = (random(6, 5, &device).require_grad(), random(6, 5, &device).require_grad());
    for logits in LOGITS {
        let full = configured(0.1, KeyGradients::Full, logits);
        let scales = [scale(8.0, &device), scale(8.0, &device)];
        let first = full.forward(a.clone(), b.clone().detach(), scales[0].clone(), &ctx()).first;
        let second = full.forward(a.clone().detach(), b.clone(), scales[1].clone(), &ctx()).second;
        let gradients = ((first.clone() + second.clone()) / 2.0).backward();
        let of_scale = scales.map(|scale| numbers(scale.grad(&gradients).unwrap())[0]).iter().sum::<f64>();
        let sides = [&a, &b].map(|x| numbers(x.grad(&gradients).unwrap()));
        let one_scale = scale(8.0, &device);
        let loss = configured(0.1, KeyGradients::Detached, logits);
        let actual = outcome(loss.forward(a.clone(), b.clone(), one_scale.clone(), &ctx()), [&a, &b], &one_scale);
        let value = numbers((first + second) / 2.0);
        let expected = [value, actual[1].clone(), sides[0].clone(), sides[1].clone(), vec![of_scale]];
        assert_same(&format!("{logits:?}"), &actual, &expected, 1e-5);
    }
}

/// `Σ` of InfoNCE with any targets, from the equation.
fn from_equation(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    targets: [&dyn Fn(usize, usize) -> f64; 2],
    scale: f64,
    smoothing: f64,
) -> f64 {
    let unit = |row: &Vec<f64>| -> Vec<f64> {
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        row.iter().map(|x| x / norm).collect()
    };
    let (a, b): (Vec<_>, Vec<_>) = (a.iter().map(unit).collect(), b.iter().map(unit).collect());
    let direction = |from: &[Vec<f64>], to: &[Vec<f64>], target: &dyn Fn(usize, usize) -> f64| {
        let number = to.len() as f64;
        let of_row = |i: usize| {
            let x: Vec<f64> =
                to.iter().map(|key| scale * from[i].iter().zip(key).map(|(x, y)| x * y).sum::<f64>()).collect();
            let sum = x.iter().map(|x| x.exp()).sum::<f64>().ln();
            let share = |j: usize| (1.0 - smoothing) * target(i, j) + smoothing / number;
            (0..to.len()).map(|j| share(j) * (sum - x[j])).sum::<f64>()
        };
        (0..from.len()).map(of_row).sum::<f64>() / from.len() as f64
    };
    (direction(&a, &b, targets[0]) + direction(&b, &a, targets[1])) / 2.0
}

fn vectors(rows: usize, columns: usize, phase: f64) -> Vec<Vec<f64>> {
    (0..rows).map(|i| (0..columns).map(|j| (1.3 * (i * columns + j) as f64 + phase).sin()).collect()).collect()
}

fn tensor(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), device)
}

const IDS: [u64; 6] = [7, u64::MAX, 7, 3, u64::MAX - 1, 7];

#[test]
fn rows_with_one_id_share_the_target_and_count_as_found() {
    let device = under_test();
    let (a, b) = (vectors(6, 4, 0.1), vectors(6, 4, 0.9));
    let target = |i: usize, j: usize| {
        let size = IDS.iter().filter(|id| **id == IDS[i]).count();
        if IDS[i] == IDS[j] { 1.0 / size as f64 } else { 0.0 }
    };
    for (smoothing, logits) in [0.0, 0.1].into_iter().flat_map(|s| LOGITS.map(|l| (s, l))) {
        let loss = configured(smoothing, KeyGradients::Full, logits);
        let run = |ids: &[u64]| {
            loss.forward_with_ids(
                tensor(&a, &device),
                tensor(&b, &device),
                ids,
                Tensor::from_floats([5.0], &device),
                &ctx(),
            )
        };
        let expected = from_equation(&a, &b, [&target, &target], 5.0, smoothing);
        assert_close("with ids", run(&IDS).loss(), &[expected], 1e-5, 1e-6);
        let plain = loss.forward(tensor(&a, &device), tensor(&b, &device), Tensor::from_floats([5.0], &device), &ctx());
        assert_close("distinct ids", run(&[0, 1, 2, 3, 4, 5]).loss(), &numbers(plain.loss()), 1e-6, 0.0);
    }
    // Whatever a row finds is right where all have one id; the partner of row i is row 5 - i otherwise.
    let loss = configured(0.0, KeyGradients::Full, Logits::Auto);
    let flipped = tensor(&a, &device).flip([0]);
    let accuracy = |ids: [u64; 6]| {
        let scale = Tensor::from_floats([5.0], &device);
        loss.forward_with_ids(tensor(&a, &device), flipped.clone(), &ids, scale, &ctx()).accuracy.into_scalar::<f32>()
    };
    assert_eq!(accuracy([1; 6]), 1.0);
    assert_eq!(accuracy([0, 1, 2, 3, 4, 5]), 0.0);
    assert_eq!(accuracy([0, 1, 2, 2, 1, 0]), 1.0);
}

#[test]
fn any_targets_follow_the_equation() {
    let device = under_test();
    let (a, b) = (vectors(5, 4, 0.1), vectors(5, 4, 0.9));
    let share = |i: usize, j: usize, phase: f64| {
        let weight = |j: usize| 1.0 + ((i * 5 + j) as f64 * phase).sin();
        weight(j) / (0..5).map(weight).sum::<f64>()
    };
    let (first, second) = (|i, j| share(i, j, 0.7), |i, j| share(i, j, 1.9));
    let matrix = |target: &dyn Fn(usize, usize) -> f64| {
        tensor(&(0..5).map(|i| (0..5).map(|j| target(i, j)).collect()).collect::<Vec<_>>(), &device)
    };
    for (smoothing, logits) in [0.0, 0.1].into_iter().flat_map(|s| LOGITS.map(|l| (s, l))) {
        let terms = configured(smoothing, KeyGradients::Full, logits).forward_with_targets(
            tensor(&a, &device),
            tensor(&b, &device),
            [matrix(&first), matrix(&second)],
            Tensor::from_floats([5.0], &device),
            &ctx(),
        );
        let expected = from_equation(&a, &b, [&first, &second], 5.0, smoothing);
        assert_close("targets", terms.loss(), &[expected], 1e-5, 1e-6);
    }
}

#[test]
fn gradients_equal_central_differences_with_ids_targets_and_smoothing() {
    // In f64, where chunks are composed of burn's operations too.
    let device = under_test().autodiff();
    let inputs = [vectors(3, 4, 0.1), vectors(3, 4, 0.9), vec![vec![3.0]]];
    let target = Tensor::<2>::from_data(
        TensorData::new(vec![0.5, 0.25, 0.25, 0.1, 0.8, 0.1, 0.0, 0.3, 0.7], [3, 3]),
        (&device, DType::F64),
    );
    for logits in LOGITS {
        let loss = configured(0.1, KeyGradients::Full, logits);
        let scale = |x: &Tensor<2>| x.clone().reshape([1]);
        assert_matches_differences("one partner", &inputs, &device, 1e-8, |x| {
            loss.forward(x[0].clone(), x[1].clone(), scale(&x[2]), &ctx()).loss()
        });
        assert_matches_differences("ids", &inputs, &device, 1e-8, |x| {
            loss.forward_with_ids(x[0].clone(), x[1].clone(), &[4, 4, 9], scale(&x[2]), &ctx()).loss()
        });
        assert_matches_differences("targets", &inputs, &device, 1e-8, |x| {
            let targets = [target.clone(), target.clone()];
            loss.forward_with_targets(x[0].clone(), x[1].clone(), targets, scale(&x[2]), &ctx()).loss()
        });
    }
}

#[test]
fn ranks_together_equal_one_rank_with_ids_over_all_ranks() {
    let device = under_test().autodiff();
    device.seed(4);
    let (a, b) = (random(6, 5, &device).require_grad(), random(6, 5, &device).require_grad());
    for (world, logits) in [2, 3].into_iter().flat_map(|world| LOGITS.map(|logits| (world, logits))) {
        let loss = configured(0.1, KeyGradients::Full, logits);
        let scales = [scale(8.0, &device), scale(8.0, &device)];
        let whole = loss.forward_with_ids(a.clone(), b.clone(), &IDS, scales[0].clone(), &ctx());
        let expected = outcome(whole, [&a, &b], &scales[0]);
        let share = 6 / world;
        let losses = ranks::losses(world, Exchange::Full, |rank, ctx| {
            let own = rank * share..(rank + 1) * share;
            let half = |x: &Tensor<2>| x.clone().slice([own.clone()]);
            loss.forward_with_ids(half(&a), half(&b), &IDS[own.clone()], scales[1].clone(), ctx).loss()
        });
        let mean = losses.into_iter().reduce(|a, b| a + b).unwrap() / world as f64;
        let gradients = mean.clone().backward();
        let sides = [&a, &b].map(|x| numbers(x.grad(&gradients).unwrap()));
        let of_scale = numbers(scales[1].grad(&gradients).unwrap());
        let [of_a, of_b] = sides;
        let actual = [numbers(mean), expected[1].clone(), of_a, of_b, of_scale];
        assert_same(&format!("{world} ranks, {logits:?}"), &actual, &expected, 1e-5);
    }
}

#[test]
fn a_batch_of_one_costs_nothing_and_what_is_no_number_shows() {
    let device = under_test().autodiff();
    for logits in LOGITS {
        let loss = configured(0.1, KeyGradients::Full, logits);
        let one = random(1, 5, &device).require_grad();
        let terms = loss.forward(one.clone(), random(1, 5, &device), scale(100.0, &device), &ctx());
        let value = terms.loss();
        assert_close("one pair", value.clone(), &[0.0], 0.0, 1e-5);
        assert!(numbers(one.grad(&value.backward()).unwrap()).iter().all(|x| x.abs() < 1e-4));
        for bad in [f32::NAN, f32::INFINITY] {
            let a = Tensor::<2>::from_floats([[1.0, bad], [1.0, 1.0]], &device);
            let b = Tensor::<2>::from_floats([[1.0, 0.5], [-1.0, 1.0]], &device);
            for (a, b) in [(a.clone(), b.clone()), (b, a)] {
                let value = loss.forward(a, b, scale(10.0, &device), &ctx()).loss();
                assert!(!numbers(value)[0].is_finite(), "{bad}, {logits:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "both sides must have one shape")]
fn sides_of_different_shape_are_refused() {
    let device = under_test();
    let (a, b) = (random(2, 3, &device), random(3, 3, &device));
    configured(0.0, KeyGradients::Full, Logits::Auto).forward(a, b, scale(1.0, &device), &ctx());
}

#[test]
#[should_panic(expected = "one id for every row")]
fn ids_that_do_not_fit_the_rows_are_refused() {
    let device = under_test();
    let (a, b) = (random(2, 3, &device), random(2, 3, &device));
    configured(0.0, KeyGradients::Full, Logits::Auto).forward_with_ids(a, b, &[1], scale(1.0, &device), &ctx());
}
