//! The gradient of every loss, its scale included, by central differences in f64, on one rank and on two.
//!
//! Left out are losses that hold a part of their own inputs constant (Sinkhorn's codes, DCLW's weights): their gradients are
//! compared with golden numbers.

use crate::table::{all, rows, scale, tensor_f64};
use burn::tensor::{Device, Tensor};
use vlp_core::StepContext;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::ranks;

#[test]
fn gradients_equal_central_differences_on_one_rank_and_on_two() {
    let device = Device::flex().autodiff();
    for loss in all().iter().filter(|loss| loss.differentiable) {
        let inputs: Vec<_> = (0..loss.inputs()).map(|input| rows(4, input)).collect();
        let (learning, constant) = inputs.split_at(loss.learning);
        let constant: Vec<Tensor<2>> = constant.iter().map(|rows| tensor_f64(rows, &device)).collect();
        let on_one = |leaves: &[Tensor<2>], scale: &Tensor<1>| {
            loss.forward(&[leaves, &constant].concat(), scale, &StepContext::new(0, 0, 1))
        };
        let on_two = |leaves: &[Tensor<2>], scale: &Tensor<1>| {
            ranks::mean_loss(2, &[leaves, &constant].concat(), |own, ctx| loss.forward(&own, scale, ctx))
        };
        // Differences in f64 are good to about 1e-9; the losses have kinks (relu, max) elsewhere than at these inputs.
        let check = |what: String, of: &dyn Fn(&[Tensor<2>], &Tensor<1>) -> Tensor<1>| {
            if !loss.scaled {
                return assert_matches_differences(&what, learning, &device, 1e-6, |leaves| {
                    of(leaves, &scale(5.0, &leaves[0]))
                });
            }
            let with_scale = [learning, &[vec![vec![5.0]]]].concat();
            assert_matches_differences(&what, &with_scale, &device, 1e-6, |leaves| {
                let (scale, leaves) = leaves.split_last().expect("a scale");
                of(leaves, &scale.clone().reshape([1]))
            });
        };
        check(loss.name.to_string(), &on_one);
        check(format!("{}, two ranks", loss.name), &on_two);
    }
}
