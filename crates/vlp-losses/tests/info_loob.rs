//! InfoLOOB and CLOOB against their equations written out in f64, and central differences.
//!
//! There are no golden numbers: the released code needs a training run's environment. Values are compared to 1e-5.

use burn::tensor::{Device, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_losses::{InfoLoobConfig, LossError};
use vlp_testkit::device::under_test;
use vlp_testkit::golden::assert_close;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::ranks;

type Matrix = Vec<Vec<f64>>;

fn configs() -> [InfoLoobConfig; 3] {
    let warm = InfoLoobConfig { temperature: 0.5, hopfield_beta: Some(2.0), ..Default::default() };
    [InfoLoobConfig::default(), InfoLoobConfig::cloob(), warm]
}

/// Rows of sines, no two alike.
fn rows(number: usize, phase: f64) -> Matrix {
    (0..number).map(|i| (0..5).map(|j| (0.7 * ((i + 1) * (j + 2)) as f64 + phase).sin()).collect()).collect()
}

fn tensor(rows: &Matrix, device: &Device) -> Tensor<2> {
    let flat: Vec<f32> = rows.concat().into_iter().map(|x| x as f32).collect();
    Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), device)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn normalized(rows: &Matrix) -> Matrix {
    rows.iter().map(|row| row.iter().map(|x| x / dot(row, row).sqrt()).collect()).collect()
}

/// The equations of the documentation, element by element.
fn expected(config: InfoLoobConfig, image: &Matrix, text: &Matrix) -> f64 {
    let (x, y, tau) = (normalized(image), normalized(text), config.temperature);
    let direction = |u: &Matrix, v: &Matrix| {
        let terms = (0..u.len()).map(|i| {
            let others: f64 = (0..v.len()).filter(|&j| j != i).map(|j| (dot(&u[i], &v[j]) / tau).exp()).sum();
            others.ln() - dot(&u[i], &v[i]) / tau
        });
        tau * terms.sum::<f64>() / u.len() as f64
    };
    let Some(beta) = config.hopfield_beta else {
        return direction(&x, &y) + direction(&y, &x);
    };
    let retrieve = |queries: &Matrix, stored: &Matrix| {
        let retrieved = queries.iter().map(|query| {
            let weights: Vec<f64> = stored.iter().map(|pattern| (beta * dot(query, pattern)).exp()).collect();
            let weighted = |d: usize| stored.iter().zip(&weights).map(|(pattern, w)| w * pattern[d]).sum::<f64>();
            (0..query.len()).map(|d| weighted(d) / weights.iter().sum::<f64>()).collect()
        });
        normalized(&retrieved.collect())
    };
    direction(&retrieve(&x, &x), &retrieve(&y, &x)) + direction(&retrieve(&y, &y), &retrieve(&x, &y))
}

#[test]
fn values_equal_the_equations() {
    let device = under_test();
    for config in configs() {
        for number in [2, 6] {
            let (image, text) = (rows(number, 0.1), rows(number, 0.6));
            let loss = config.init().unwrap();
            let value = loss.forward(tensor(&image, &device), tensor(&text, &device), &StepContext::new(0, 0, 1));
            assert_close(&format!("{config:?}"), value, &[expected(config, &image, &text)], 1e-5, 1e-5);
        }
    }
}

#[test]
fn gradients_equal_central_differences() {
    // In f64, where the differences themselves are good to about 1e-9.
    let device = under_test().autodiff();
    for config in configs() {
        let loss = config.init().unwrap();
        let inputs = [rows(4, 0.1), rows(4, 0.6)];
        assert_matches_differences(&format!("{config:?}"), &inputs, &device, 1e-6, |inputs| {
            loss.forward(inputs[0].clone(), inputs[1].clone(), &StepContext::new(0, 0, 1))
        });
    }
}

#[test]
fn ranks_together_equal_one_rank_in_value_and_every_gradient() {
    let device = under_test().autodiff();
    let inputs = [rows(6, 0.1), rows(6, 0.6)].map(|rows| tensor(&rows, &device).require_grad());
    for config in configs() {
        let loss = config.init().unwrap();
        let alone = loss.forward(inputs[0].clone(), inputs[1].clone(), &StepContext::new(0, 0, 1));
        let number = f64::from(alone.clone().into_scalar::<f32>());
        let gradients = alone.backward();
        for world in [2, 3, 6] {
            let mean = ranks::mean_loss(world, &inputs, |inputs, ctx| {
                let [image, text] = inputs.try_into().unwrap();
                loss.forward(image, text, ctx)
            });
            assert_close("value", mean.clone(), &[number], 1e-5, 1e-6);
            let of_ranks = mean.backward();
            for input in &inputs {
                let expected: Vec<f32> = input.grad(&gradients).unwrap().into_data().try_into_vec().unwrap();
                let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
                assert_close("gradient", input.grad(&of_ranks).unwrap(), &expected, 1e-4, 1e-6);
            }
        }
    }
}

#[test]
fn the_loss_is_negative_where_pairs_agree_and_others_are_opposite() {
    // Cosines 1 with the partner and -1 with the other: τ (-1/τ - 1/τ) in each direction.
    let device = under_test();
    let x = Tensor::<2>::from_floats([[1.0, 2.0], [-1.0, -2.0]], &device);
    for config in [InfoLoobConfig::default(), InfoLoobConfig::cloob()] {
        let value = config.init().unwrap().forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
        assert_close(&format!("{config:?}"), value, &[-4.0], 1e-5, 0.0);
    }
}

#[test]
fn equal_and_zero_rows_stay_finite() {
    let device = under_test().autodiff();
    let cold = InfoLoobConfig { temperature: 1e-3, hopfield_beta: Some(1e3), ..Default::default() };
    for config in configs().into_iter().chain([cold]) {
        for row in [[0.0, 0.0], [3.0, -4.0]] {
            let x = Tensor::<2>::from_floats([row, row, row], &device).require_grad();
            let value = config.init().unwrap().forward(x.clone(), x.clone(), &StepContext::new(0, 0, 1));
            // Two negatives as close as the positive, in two directions.
            let expected = 2.0 * config.temperature * 2f64.ln();
            assert_close(&format!("{config:?}"), value.clone(), &[expected], 1e-5, 1e-5);
            assert!(x.grad(&value.backward()).unwrap().is_finite().all().into_scalar::<bool>());
        }
    }
}

#[test]
#[should_panic(expected = "needs a batch of 2 or more")]
fn one_pair_without_negatives_is_refused() {
    let x = Tensor::<2>::ones([1, 3], &under_test());
    InfoLoobConfig::default().init().unwrap().forward(x.clone(), x, &StepContext::new(0, 0, 1));
}

#[test]
fn constants_that_are_not_positive_are_refused_with_their_value() {
    for value in [0.0, -8.0, f64::NAN] {
        let error = InfoLoobConfig { temperature: value, ..Default::default() }.init().unwrap_err();
        assert!(matches!(error, LossError::Temperature(_)), "{error}");
        let error = InfoLoobConfig { hopfield_beta: Some(value), ..Default::default() }.init().unwrap_err();
        assert!(error.to_string().contains(&format!("hopfield_beta {value}")), "{error}");
    }
}
