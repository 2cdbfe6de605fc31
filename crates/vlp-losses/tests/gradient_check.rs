//! The check by central differences finds a gradient that is wrong.

use burn::tensor::Device;
use vlp_testkit::gradient::assert_matches_differences;

fn inputs() -> [Vec<Vec<f64>>; 1] {
    [vec![vec![0.3, -1.2], vec![2.0, 0.7]]]
}

#[test]
fn the_right_gradient_of_a_polynomial_passes() {
    assert_matches_differences("x³", &inputs(), &Device::flex().autodiff(), 1e-9, |inputs| {
        inputs[0].clone().powi_scalar(3).sum_dim(1).sum()
    });
}

#[test]
#[should_panic(expected = "by differences")]
fn a_gradient_that_misses_one_factor_is_found() {
    assert_matches_differences("x·sg(x)", &inputs(), &Device::flex().autodiff(), 1e-2, |inputs| {
        (inputs[0].clone() * inputs[0].clone().detach()).sum()
    });
}
