//! Keys that learn and keys that do not, in every loss that has keys, on one rank and on several.

use burn::tensor::{Device, Tensor};
use vlp_core::{Collective, StepContext};
use vlp_losses::KeyGradients;
use vlp_testkit::golden::{assert_close, values};
use vlp_testkit::ranks::{self, Exchange};

use crate::table::{Loss, leaves, with_keys};

const ROWS: usize = 6;

/// A loss, its leaves and a scale that is one too.
struct Case {
    loss: Loss,
    inputs: Vec<Tensor<2>>,
    scale: Tensor<1>,
}

/// A value and the gradients of inputs and scale, where they have one.
type Numbers = (f64, Vec<Option<Vec<f64>>>);

impl Case {
    fn new(loss: Loss, device: &Device) -> Self {
        let inputs = leaves(&loss, ROWS, device);
        Case { loss, inputs, scale: Tensor::full([1], 10.0, device).require_grad() }
    }

    fn alone(&self) -> Tensor<1> {
        self.loss.forward(&self.inputs, &self.scale, &StepContext::new(0, 0, 1))
    }

    /// The mean over ranks that share the rows.
    fn on_ranks(&self, world: usize, exchange: Exchange) -> Tensor<1> {
        let share = ROWS / world;
        let losses = ranks::losses(world, exchange, |rank, ctx| {
            let own = |x: &Tensor<2>| x.clone().slice([rank * share..(rank + 1) * share]);
            self.loss.forward(&self.inputs.iter().map(own).collect::<Vec<_>>(), &self.scale, ctx)
        });
        losses.into_iter().reduce(|sum, loss| sum + loss).unwrap() / world as f64
    }

    fn numbers(&self, loss: Tensor<1>) -> Numbers {
        let (value, gradients) = (values(loss.clone())[0], loss.backward());
        let inputs = self.inputs.iter().map(|leaf| leaf.grad(&gradients).map(values));
        (value, inputs.chain([self.scale.grad(&gradients).map(values)]).collect())
    }

    fn check(&self, what: &str, loss: Tensor<1>, (value, expected): &Numbers) {
        let what = format!("{}, {what}", self.loss.name);
        // f32 against f32 summed in another order.
        assert_close(&what, loss.clone(), &[*value], 1e-5, 1e-6);
        let gradients = loss.backward();
        let inputs = self.inputs.iter().map(|leaf| leaf.grad(&gradients).map(|grad| grad.flatten::<1>(0, 1)));
        for (leaf, (actual, expected)) in inputs.chain([self.scale.grad(&gradients)]).zip(expected).enumerate() {
            match (actual, expected) {
                (Some(actual), Some(expected)) => {
                    assert_close(&format!("{what}, leaf {leaf}"), actual, expected, 1e-4, 1e-6);
                }
                (None, None) => (),
                _ => panic!("{what}: gradient of leaf {leaf} on one side only"),
            }
        }
    }
}

fn cases(key_gradients: KeyGradients, device: &Device) -> Vec<Case> {
    with_keys(key_gradients).into_iter().map(|loss| Case::new(loss, device)).collect()
}

#[test]
fn ranks_together_equal_one_rank_whether_keys_learn_or_not() {
    let device = Device::flex().autodiff();
    for key_gradients in [KeyGradients::Full, KeyGradients::Detached] {
        for case in cases(key_gradients, &device) {
            let expected = case.numbers(case.alone());
            assert_eq!(expected.1[case.inputs.len()].is_some(), case.loss.scaled, "{}", case.loss.name);
            for world in [2, 3] {
                let what = format!("{key_gradients:?}, {world} ranks");
                case.check(&what, case.on_ranks(world, Exchange::Full), &expected);
            }
        }
    }
}

#[test]
fn detached_keys_are_what_a_gather_without_gradient_gives() {
    let device = Device::flex().autodiff();
    let (full, detached) = (cases(KeyGradients::Full, &device), cases(KeyGradients::Detached, &device));
    for (full, detached) in full.iter().zip(detached) {
        let expected = full.numbers(full.on_ranks(2, Exchange::Detached));
        detached.check("one rank", detached.alone(), &expected);
    }
}

#[test]
fn detached_keys_leave_the_loss_and_the_scales_gradient_and_change_that_of_the_inputs() {
    let device = Device::flex().autodiff();
    let (full, detached) = (cases(KeyGradients::Full, &device), cases(KeyGradients::Detached, &device));
    for (full, detached) in full.iter().zip(detached) {
        let name = full.loss.name;
        let ((value, gradients), (same, others)) = (full.numbers(full.alone()), detached.numbers(detached.alone()));
        assert!((value - same).abs() <= 1e-5 * value.abs(), "{name}: {value} is not {same}");
        let (scale, inputs) = gradients.split_last().unwrap();
        let (other_scale, other_inputs) = others.split_last().unwrap();
        if let (Some(scale), Some(other)) = (scale, other_scale) {
            assert!((scale[0] - other[0]).abs() <= 1e-4 * scale[0].abs() + 1e-6, "{name}: {scale:?} is not {other:?}");
        }
        let pairs = || inputs.iter().flatten().flatten().zip(other_inputs.iter().flatten().flatten());
        let largest = pairs().fold(0f64, |largest, (a, _)| largest.max(a.abs()));
        assert!(pairs().any(|(a, b)| (a - b).abs() > 0.05 * largest), "{name}: keys did learn");
    }
}

/// Two ranks, of which the other brought one row less.
#[derive(Debug)]
struct Uneven;

impl Collective for Uneven {
    fn rank(&self) -> usize {
        0
    }
    fn world(&self) -> usize {
        2
    }
    fn all_gather(&self, x: Tensor<2>) -> Tensor<2> {
        let rows = x.dims()[0];
        Tensor::cat(vec![x.clone(), x.slice([1..rows])], 0)
    }
    fn all_reduce_sum(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }
}

#[test]
#[should_panic(expected = "2 ranks with 6 rows of width 6 each were expected")]
fn ranks_that_bring_other_numbers_of_rows_are_refused() {
    let cases = cases(KeyGradients::Full, &Device::flex().autodiff());
    let case = cases.iter().find(|case| case.loss.name == "InfoLOOB").unwrap();
    case.loss.forward(&case.inputs, &case.scale, &StepContext::new(0, 0, 1).with_collective(&Uneven));
}
