//! Keys that learn and keys that do not, in every loss that has keys, on one rank and on several.

use crate::table::{Loss, leaves, with_keys};
use burn::tensor::{Device, Gradients, Tensor};
use vlp_core::{Collective, StepContext};
use vlp_losses::KeyGradients;
use vlp_testkit::golden::{assert_close, values};
use vlp_testkit::ranks;

const ROWS: usize = 6;

fn ctx() -> StepContext<'static> {
    StepContext::new(0, 0, 1)
}

/// One rank that is said to be one of one, whose gathers are constants.
#[derive(Debug)]
struct Constants;

impl Collective for Constants {
    fn rank(&self) -> usize {
        0
    }
    fn world(&self) -> usize {
        1
    }
    fn all_gather(&self, x: Tensor<2>) -> Tensor<2> {
        x.detach()
    }
    fn all_reduce_sum(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }
}

fn gradients_of(leaves: &[Tensor<2>], gradients: &Gradients) -> Vec<Option<Vec<f64>>> {
    leaves.iter().map(|leaf| leaf.grad(gradients).map(values)).collect()
}

fn assert_equal(what: &str, leaves: &[Tensor<2>], loss: Tensor<1>, (value, expected): &(f64, Vec<Option<Vec<f64>>>)) {
    // f32 against f32 summed in another order.
    assert_close(what, loss.clone(), &[*value], 1e-5, 1e-6);
    let gradients = loss.backward();
    for (input, (leaf, expected)) in leaves.iter().zip(expected).enumerate() {
        match (leaf.grad(&gradients), expected) {
            (Some(actual), Some(expected)) => {
                assert_close(&format!("{what}, input {input}"), actual, expected, 1e-4, 1e-6);
            }
            (None, None) => (),
            _ => panic!("{what}: gradient of input {input} on one side only"),
        }
    }
}

fn alone(loss: &Loss, leaves: &[Tensor<2>], ctx: &StepContext<'_>) -> (f64, Vec<Option<Vec<f64>>>) {
    let value = loss.forward(leaves, ctx);
    (values(value.clone())[0], gradients_of(leaves, &value.backward()))
}

fn on_ranks(world: usize, loss: &Loss, leaves: &[Tensor<2>]) -> Tensor<1> {
    ranks::mean_loss(world, leaves, |own, ctx| loss.forward(&own, ctx))
}

#[test]
fn ranks_together_equal_one_rank_whether_keys_learn_or_not() {
    let device = Device::flex().autodiff();
    for key_gradients in [KeyGradients::Full, KeyGradients::Detached] {
        for loss in with_keys(key_gradients, 10.0) {
            let leaves = leaves(&loss, ROWS, &device);
            let expected = alone(&loss, &leaves, &ctx());
            for world in [2, 3] {
                let what = format!("{}, {key_gradients:?}, {world} ranks", loss.name);
                assert_equal(&what, &leaves, on_ranks(world, &loss, &leaves), &expected);
            }
        }
    }
}

#[test]
fn detached_keys_leave_the_loss_and_change_the_gradient() {
    let device = Device::flex().autodiff();
    for (full, detached) in with_keys(KeyGradients::Full, 10.0).iter().zip(with_keys(KeyGradients::Detached, 10.0)) {
        let leaves = leaves(full, ROWS, &device);
        let (value, gradients) = alone(full, &leaves, &ctx());
        let (same, others) = alone(&detached, &leaves, &ctx());
        assert!((value - same).abs() <= 1e-6 * value.abs(), "{}: {value} is not {same}", full.name);
        let largest =
            |gradients: &[Option<Vec<f64>>]| gradients.iter().flatten().flatten().fold(0f64, |a, b| a.max(b.abs()));
        let differences = gradients.iter().zip(&others).map(|pair| match pair {
            (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a - b).collect()),
            _ => None,
        });
        let differences: Vec<Option<Vec<f64>>> = differences.collect();
        assert!(largest(&differences) > 0.05 * largest(&gradients), "{}: keys did learn", full.name);
    }
}

#[test]
fn detached_keys_are_what_a_gather_without_gradient_gives() {
    let device = Device::flex().autodiff();
    let ctx = ctx().with_collective(&Constants);
    for (full, detached) in with_keys(KeyGradients::Full, 10.0).iter().zip(with_keys(KeyGradients::Detached, 10.0)) {
        // On one rank these two let one product serve both directions instead of gathering.
        if ["CyCLIP", "distillation"].contains(&full.name) {
            continue;
        }
        let leaves = leaves(full, ROWS, &device);
        let expected = alone(full, &leaves, &ctx);
        assert_equal(full.name, &leaves, detached.forward(&leaves, &self::ctx()), &expected);
    }
}

#[test]
#[should_panic(expected = "2 ranks with 3 rows of width 6 each were expected")]
fn ranks_that_bring_other_numbers_of_rows_are_refused() {
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
    let losses = with_keys(KeyGradients::Full, 10.0);
    let loss = losses.iter().find(|loss| loss.name == "InfoLOOB").unwrap();
    loss.forward(&leaves(loss, 3, &Device::flex().autodiff()), &ctx().with_collective(&Uneven));
}
