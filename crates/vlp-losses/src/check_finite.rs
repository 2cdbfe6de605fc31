use burn::tensor::{Bool, Tensor};

use crate::LossError;

/// Looks for rows that hold a NaN or an infinity, in features before a loss sees them for example.
///
/// Losses do not look themselves: what is not finite goes through and makes the loss not finite, and a trainer's gate stops
/// the step. This says where it came from. It waits for the device, which stalls a GPU: call it to find a fault, not in
/// every step.
///
/// # Shapes
/// - tensor: `[rows, ...]`
///
/// # Errors
/// [`LossError::NonFiniteRows`] with the name, the number of such rows and the first of them.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use vlp_losses::check_finite;
///
/// let features = Tensor::<2>::from_floats([[1.0, 2.0], [f32::NAN, 0.0], [3.0, f32::INFINITY]], &Device::flex());
/// let error = check_finite("image features", &features).unwrap_err();
/// assert_eq!(error.to_string(), "image features: 2 of 3 rows hold a NaN or an infinity, the first is row 1");
/// ```
pub fn check_finite<const D: usize>(name: &str, tensor: &Tensor<D>) -> Result<(), LossError> {
    let shape = tensor.dims();
    let rows = shape[0];
    let bad: Tensor<2, Bool> = tensor.clone().is_finite().bool_not().reshape([rows, shape[1..].iter().product()]);
    let bad: Vec<bool> = bad.any_dim(1).into_data().iter::<bool>().collect();
    match bad.iter().position(|&bad| bad) {
        None => Ok(()),
        Some(first) => {
            let bad = bad.iter().filter(|&&bad| bad).count();
            Err(LossError::NonFiniteRows { name: name.to_string(), bad, rows, first })
        }
    }
}
