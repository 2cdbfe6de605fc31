//! Extreme but finite inputs: losses and gradients stay finite, and right where something says what right is.

use burn::tensor::{DType, Device, Tensor};
use vlp_core::StepContext;
use vlp_losses::{PrototypesConfig, SinkhornConfig, SwaLipV1Config, SwavConfig};
use vlp_testkit::golden::{assert_close, values};

use crate::table::{COLUMNS, Loss, all, rows, tensor, tensor_f64};

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

/// The value, checked against the same loss in f64, and the gradients of the learning inputs, checked to be finite.
fn finite(
    what: &str,
    (loss, scale): (&Loss, f64),
    inputs: Vec<Vec<Vec<f64>>>,
    device: &Device,
) -> (f64, Vec<Vec<f64>>) {
    let wide: Vec<_> = inputs.iter().map(|rows| tensor_f64(rows, device)).collect();
    let wide = values(loss.forward(&wide, &Tensor::full([1], scale, (device, DType::F64)), &ctx()))[0];
    let leaves: Vec<_> = inputs.into_iter().map(|rows| tensor(rows, device).require_grad()).collect();
    let scale = Tensor::full([1], scale, device).require_grad();
    let value = loss.forward(&leaves, &scale, &ctx());
    let number = values(value.clone())[0];
    // Logits of 100 are exact to 1e-5 in f32.
    let right = number.is_finite() && (number - wide).abs() <= 1e-4 * (1.0 + wide.abs());
    assert!(right, "{}, {what}: the loss is {number}, in f64 {wide}", loss.name);
    let gradients = value.backward();
    if loss.scaled {
        let gradient =
            values(scale.grad(&gradients).unwrap_or_else(|| panic!("{}: a scale without gradient", loss.name)));
        assert!(gradient[0].is_finite(), "{}, {what}: the gradient of the scale is {gradient:?}", loss.name);
    }
    let gradients = leaves[..loss.learning].iter().enumerate().map(|(input, leaf)| {
        let gradient = values(leaf.grad(&gradients).unwrap_or_else(|| panic!("{}: no gradient", loss.name)));
        let finite = gradient.iter().all(|x| x.is_finite());
        assert!(finite, "{}, {what}: the gradient of input {input} is {gradient:?}", loss.name);
        gradient
    });
    (number, gradients.collect())
}

fn scaled(number: usize, input: usize, by: f64) -> Vec<Vec<f64>> {
    rows(number, input).into_iter().map(|row| row.into_iter().map(|x| x * by).collect()).collect()
}

fn inputs(loss: &Loss, of: impl Fn(usize) -> Vec<Vec<f64>>) -> Vec<Vec<Vec<f64>>> {
    (0..loss.inputs()).map(of).collect()
}

#[test]
fn zeros_and_identical_rows_at_the_highest_scale() {
    let device = Device::flex().autodiff();
    for loss in &all() {
        for number in [loss.smallest, 2, 5] {
            finite("zeros", (loss, 100.0), inputs(loss, |_| vec![vec![0.0; COLUMNS]; number]), &device);
            let row = rows(1, 0)[0].clone();
            finite("identical rows", (loss, 100.0), inputs(loss, |_| vec![row.clone(); number]), &device);
            finite(
                "a zero row",
                (loss, 100.0),
                inputs(loss, |input| {
                    let mut rows = rows(number, input);
                    rows[0] = vec![0.0; COLUMNS];
                    rows
                }),
                &device,
            );
        }
    }
}

#[test]
fn logits_that_are_all_far_below_zero() {
    // The sides point in opposite directions: every logit of a contrastive loss is about -100.
    let device = Device::flex().autodiff();
    for loss in &all() {
        let opposite = |input: usize| {
            let side = if input.is_multiple_of(2) { 1.0 } else { -1.0 };
            scaled(4, 0, 0.01).into_iter().map(|row| row.into_iter().map(|x| side * (1.0 + x)).collect()).collect()
        };
        finite("opposite sides", (loss, 100.0), inputs(loss, opposite), &device);
        if !loss.directions {
            finite("negative", (loss, 100.0), inputs(loss, |_| vec![vec![-1e3; COLUMNS]; 4]), &device);
        }
    }
}

#[test]
fn equal_logits_far_below_zero_give_the_logarithm_of_the_number_of_candidates() {
    // A sum of exponentials that starts at 1 instead of 0 would give 0 here.
    let device = Device::flex().autodiff();
    // FILIP's tokens are equal too.
    let row = [0.3, -1.2].repeat(COLUMNS / 2);
    let opposite: Vec<f64> = row.iter().map(|x| -x).collect();
    // SLIP's second part compares views with themselves too.
    for loss in all().iter().filter(|loss| loss.scaled && loss.directions && loss.name != "SLIP") {
        let side = |input: usize| vec![if input.is_multiple_of(2) { row.clone() } else { opposite.clone() }; 5];
        let (value, _) = finite("equal logits", (loss, 100.0), inputs(loss, side), &device);
        assert!((value - 5f64.ln()).abs() < 1e-4, "{}: {value}", loss.name);
    }
}

#[test]
fn the_smallest_batch_a_loss_is_defined_for() {
    let device = Device::flex().autodiff();
    for loss in &all() {
        finite("smallest batch", (loss, 100.0), inputs(loss, |input| rows(loss.smallest, input)), &device);
    }
}

#[test]
fn lengths_of_1e18_and_1e_minus_11_change_nothing_where_directions_count() {
    let device = Device::flex().autodiff();
    for loss in all().iter().filter(|loss| loss.directions) {
        let (expected, gradients) = finite("plain", (loss, 10.0), inputs(loss, |input| rows(4, input)), &device);
        // 1e-12 is the shortest length that is divided by.
        for by in [1e18, 1e-11] {
            let (value, others) =
                finite(&format!("times {by:e}"), (loss, 10.0), inputs(loss, |i| scaled(4, i, by)), &device);
            let near = (value - expected).abs() <= 1e-5 * (1.0 + expected.abs());
            assert!(near, "{}, times {by:e}: {value} is not {expected}", loss.name);
            for (other, gradient) in others.iter().zip(&gradients) {
                for (other, gradient) in other.iter().zip(gradient) {
                    let same = (other * by - gradient).abs() <= 1e-3 * gradient.abs() + 1e-5;
                    assert!(same, "{}, times {by:e}: gradient {} is not {gradient}", loss.name, other * by);
                }
            }
        }
        finite("times 1e-18", (loss, 10.0), inputs(loss, |input| scaled(4, input, 1e-18)), &device);
    }
}

#[test]
fn numbers_of_1e18_and_1e_minus_18_where_lengths_count() {
    let device = Device::flex().autodiff();
    for loss in all().iter().filter(|loss| !loss.directions) {
        finite("times 1e-18", (loss, 10.0), inputs(loss, |input| scaled(4, input, 1e-18)), &device);
        // Fourth powers of their inputs: 1e72 is beyond f32, so that these are infinite, and rightly.
        if ["VICReg", "BarLIP"].contains(&loss.name) {
            continue;
        }
        finite("times 1e18", (loss, 10.0), inputs(loss, |input| scaled(4, input, 1e18)), &device);
    }
}

#[test]
fn numbers_of_prototypes_that_are_odd_or_one() {
    let device = Device::flex().autodiff();
    for number in [1, 3, 7, 13] {
        let prototypes = PrototypesConfig { prototypes: number, dim: COLUMNS }.init(&device).unwrap();
        let views: Vec<_> = (0..3).map(|input| tensor(rows(5, input), &device).require_grad()).collect();
        let scores: Vec<_> = views.iter().map(|view| prototypes.forward(view.clone())).collect();
        let codes = SinkhornConfig::default().init().unwrap().forward(scores[0].clone(), &ctx());
        assert_close("rows sum to 1", codes.sum_dim(1), &[1.0; 5], 1e-5, 0.0);
        let swav = SwavConfig::default().init().unwrap().forward(&scores[..2], &scores[2..], &[], &ctx());
        let both = [scores[0].clone(), scores[1].clone()];
        let scale = Tensor::from_floats([100.0], &device);
        let swalip = SwaLipV1Config::default().init().unwrap().forward(both, None, scale, &ctx());
        if number == 1 {
            assert_close("one prototype", swav.clone() + swalip.clone(), &[0.0], 0.0, 1e-6);
        }
        let gradients = (swav + swalip).backward();
        for view in &views {
            assert!(view.grad(&gradients).unwrap().is_finite().all().into_scalar::<bool>(), "{number} prototypes");
        }
    }
}
