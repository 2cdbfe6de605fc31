//! The gradient of every loss by central differences in f64, on one rank and on two.
//!
//! Left out are losses that hold a part of their own inputs constant (Sinkhorn's codes, DCLW's weights): their gradients are
//! compared with golden numbers.

use crate::table::{all, rows};
use burn::tensor::{DType, Device, Tensor, TensorData};
use vlp_core::StepContext;
use vlp_testkit::gradient::assert_matches_differences;
use vlp_testkit::ranks;

#[test]
fn gradients_equal_central_differences_on_one_rank_and_on_two() {
    let device = Device::flex().autodiff();
    for loss in all(5.0).iter().filter(|loss| loss.differentiable) {
        let inputs: Vec<_> = (0..loss.inputs()).map(|input| rows(4, input)).collect();
        let (learning, constant) = inputs.split_at(loss.learning);
        let constant: Vec<Tensor<2>> = constant
            .iter()
            .map(|rows| {
                Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), rows[0].len()]), (&device, DType::F64))
            })
            .collect();
        let of = |leaves: &[Tensor<2>]| [leaves, &constant].concat();
        // Differences in f64 are good to about 1e-9; the losses have kinks (relu, max) elsewhere than at these inputs.
        assert_matches_differences(loss.name, learning, &device, 1e-6, |leaves| {
            loss.forward(&of(leaves), &StepContext::new(0, 0, 1))
        });
        assert_matches_differences(&format!("{}, two ranks", loss.name), learning, &device, 1e-6, |leaves| {
            ranks::mean_loss(2, &of(leaves), |own, ctx| loss.forward(&own, ctx))
        });
    }
}
