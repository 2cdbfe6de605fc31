//! Gradients compared with central differences, in f64.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// Step of the differences: with f64 rounding, the fourth-order formula below is good to about 1e-10.
const STEP: f64 = 1e-3;

/// Checks the gradient of `loss` with respect to every element of every input against
/// `(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h`.
///
/// The inputs are `[rows][columns]`; `loss` receives them as f64 tensors on the device, which must have f64 and
/// automatic differentiation.
///
/// # Panics
/// When an element differs by more than `tolerance` times 1 plus its size.
pub fn assert_matches_differences(
    what: &str,
    inputs: &[Vec<Vec<f64>>],
    device: &Device,
    tolerance: f64,
    loss: impl Fn(&[Tensor<2>]) -> Tensor<1>,
) {
    let leaves: Vec<_> = inputs.iter().map(|input| matrix(input, device).require_grad()).collect();
    let gradients = loss(&leaves).backward();
    for (number, (input, leaf)) in inputs.iter().zip(&leaves).enumerate() {
        let gradient = leaf.grad(&gradients).unwrap_or_else(|| panic!("{what}: no gradient of input {number}"));
        let gradient: Vec<f64> = gradient.into_data().convert::<f64>().try_into_vec().expect("f64 data");
        let columns = input[0].len();
        for (at, &actual) in gradient.iter().enumerate() {
            let (row, column) = (at / columns, at % columns);
            let moved = |by: f64| {
                let mut inputs = inputs.to_vec();
                inputs[number][row][column] += by;
                let inputs: Vec<_> = inputs.iter().map(|input| matrix(input, device)).collect();
                let value: Vec<f64> = loss(&inputs).into_data().convert::<f64>().try_into_vec().expect("f64 data");
                value[0]
            };
            let wide = moved(2.0 * STEP) - moved(-2.0 * STEP);
            let difference = (8.0 * (moved(STEP) - moved(-STEP)) - wide) / (12.0 * STEP);
            assert!(
                (actual - difference).abs() <= tolerance * (1.0 + difference.abs()),
                "{what}: d/d input {number}[{row}][{column}] is {actual}, by differences {difference}"
            );
        }
    }
}

fn matrix(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    let flat: Vec<f64> = rows.concat();
    Tensor::from_data(TensorData::new(flat, [rows.len(), rows[0].len()]), (device, DType::F64))
}
