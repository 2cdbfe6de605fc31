//! The bodies for every backend, in chunks of a few rows, against loops in f64.

use burn::backend::Flex;
use burn::tensor::TensorData;
use burn_flex::FlexTensor;

use crate::composed;
use crate::gelu::{self, Gate};

const SCALE: f64 = 7.0;
const BIAS: f64 = -1.5;
const DIM: usize = 3;

fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (1.7 * i as f64 + seed).sin()).collect()
}

fn tensor(values: &[f64], shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values.to_vec(), shape.into()))
}

fn similarities(a: &[f64], b: &[f64]) -> Vec<Vec<f64>> {
    let dot = |x: &[f64], y: &[f64]| SCALE * x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    a.chunks(DIM).map(|x| b.chunks(DIM).map(|y| dot(x, y)).collect()).collect()
}

fn assert_close(what: &str, actual: FlexTensor, expected: &[f64]) {
    let actual: Vec<f64> = actual.into_data().try_into_vec().expect("f64 data");
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 1e-11 * (1.0 + e.abs()), "{what}[{at}]: {a}, not {e}");
    }
}

/// `dX b`, `dXᵀ a` times the scale, and `Σ dX ∘ X / s`.
fn gradients(d_x: &[Vec<f64>], a: &[f64], b: &[f64]) -> [Vec<f64>; 3] {
    let x = similarities(a, b);
    let (mut d_a, mut d_b, mut d_scale) = (vec![0.0; a.len()], vec![0.0; b.len()], 0.0);
    for (i, row) in d_x.iter().enumerate() {
        for (j, d) in row.iter().enumerate() {
            d_scale += d * x[i][j] / SCALE;
            for k in 0..DIM {
                d_a[i * DIM + k] += SCALE * d * b[j * DIM + k];
                d_b[j * DIM + k] += SCALE * d * a[i * DIM + k];
            }
        }
    }
    [d_a, d_b, vec![d_scale]]
}

#[test]
fn log_sum_exps_and_their_gradients_do_not_depend_on_the_chunk() {
    let (rows, columns) = (7, 9);
    let (a, b) = (numbers(rows * DIM, 0.1), numbers(columns * DIM, 2.3));
    let scale = || tensor(&[SCALE], [1]);
    for (both, without) in [(true, vec![]), (false, vec![]), (false, vec![0, 2]), (true, vec![0, 2])] {
        let mut x = similarities(&a, &b);
        for (i, row) in x.iter_mut().enumerate() {
            without.iter().for_each(|offset| row[offset + i] = f64::NEG_INFINITY);
        }
        let sums: Vec<f64> = x.iter().map(|row| row.iter().map(|x| x.exp()).sum::<f64>().ln()).collect();
        let best = |row: &Vec<f64>| (0..columns).fold(0, |best, j| if row[j] > row[best] { j } else { best }) as f64;
        let of_columns = (0..columns).map(|j| x.iter().map(|row| row[j].exp()).sum::<f64>().ln());
        let of_columns: Vec<f64> = if both { of_columns.collect() } else { vec![] };
        let packed = [sums.clone(), x.iter().map(best).collect(), of_columns.clone()].concat();
        let gradient = numbers(packed.len(), 0.7);
        let share = |i: usize, j: usize| {
            let column = of_columns.get(j).map_or(0.0, |sum| gradient[2 * rows + j] * (x[i][j] - sum).exp());
            gradient[i] * (x[i][j] - sums[i]).exp() + column
        };
        let d_x: Vec<Vec<f64>> = (0..rows).map(|i| (0..columns).map(|j| share(i, j)).collect()).collect();
        let expected = gradients(&d_x, &a, &b);
        for step in [1, 3, 7, 100] {
            let (a, b) = (tensor(&a, [rows, DIM]), tensor(&b, [columns, DIM]));
            let actual = composed::log_sum_exp::<Flex>(a.clone(), b.clone(), scale(), both, &without, step);
            assert_close(&format!("steps of {step}, without {without:?}"), actual.clone(), &packed);
            let gradient = tensor(&gradient, [gradient.len()]);
            let inputs = || [a.clone(), b.clone(), scale()];
            let backward = |keys_learn: bool| {
                let (packed, gradient) = (actual.clone(), gradient.clone());
                composed::log_sum_exp_backward::<Flex>(inputs(), packed, gradient, both, &without, keys_learn, step)
            };
            let (d_a, _, d_scale) = backward(false);
            assert_close("d/d a, constant keys", d_a, &expected[0]);
            assert_close("d/d s, constant keys", d_scale, &expected[2]);
            let (d_a, d_b, d_scale) = backward(true);
            for (what, (actual, expected)) in ["a", "b", "s"].iter().zip([d_a, d_b, d_scale].into_iter().zip(&expected))
            {
                assert_close(&format!("d/d {what}, steps of {step}, without {without:?}"), actual, expected);
            }
        }
    }
}

#[test]
fn sums_of_softplus_and_their_gradients_do_not_depend_on_the_chunk() {
    let (rows, columns) = (7, 9);
    let (a, b) = (numbers(rows * DIM, 0.1), numbers(columns * DIM, 2.3));
    let x = similarities(&a, &b);
    for positive in [None, Some(2)] {
        let sign = |i: usize, j: usize| if positive.is_some_and(|first| j == first + i) { -1.0 } else { 1.0 };
        let entries = |f: fn(f64) -> f64| -> Vec<Vec<f64>> {
            (0..rows).map(|i| (0..columns).map(|j| f(sign(i, j) * (x[i][j] + BIAS))).collect()).collect()
        };
        let sum: f64 = entries(|x| x.exp().ln_1p()).iter().flatten().sum();
        let mut d_x = entries(|x| 1.0 / (1.0 + (-x).exp()));
        d_x.iter_mut().enumerate().for_each(|(i, row)| (0..columns).for_each(|j| row[j] *= sign(i, j)));
        let [d_a, d_b, d_scale] = gradients(&d_x, &a, &b);
        let expected = [vec![sum], d_a, d_b, d_scale, vec![d_x.iter().flatten().sum()]];
        for step in [1, 3, 7, 100] {
            let (a, b) = (|| tensor(&a, [rows, DIM]), || tensor(&b, [columns, DIM]));
            let (scale, bias) = (|| tensor(&[SCALE], [1]), || tensor(&[BIAS], [1]));
            let alone = composed::softplus_sum::<Flex>(a(), b(), scale(), bias(), positive, step);
            assert_close("the sum", alone, &[sum]);
            let (sum, a, b, scale, bias) =
                composed::softplus_sum_gradients::<Flex>(a(), b(), scale(), bias(), positive, step);
            for (actual, expected) in [sum, a, b, scale, bias].into_iter().zip(&expected) {
                assert_close(&format!("steps of {step}, positives {positive:?}"), actual, expected);
            }
        }
    }
}

#[test]
fn the_slope_of_gelu_is_that_of_the_exact_form_and_finite_for_huge_inputs() {
    let slopes = [
        (-1e30, 0.0),
        (-3.0, -0.011_945_647_204_184),
        (-0.5, 0.132_504_875_343_837_1),
        (0.0, 0.5),
        (0.5, 0.867_495_124_656_162_8),
        (3.0, 1.011_945_647_204_184),
        (1e30, 1.0),
    ];
    let x = tensor(&slopes.map(|(x, _)| x), [slopes.len()]);
    let ones = tensor(&[1.0; 7], [slopes.len()]);
    let d_x = gelu::composed_backward::<Flex>(x, ones, Gate::Normal);
    let d_x: Vec<f64> = d_x.into_data().try_into_vec().expect("f64 data");
    for (actual, (x, expected)) in d_x.into_iter().zip(slopes) {
        // The backend's error function may be one of f32.
        assert!((actual - expected).abs() < 1e-6, "at {x}: {actual}, not {expected}");
    }
}
