//! Golden numbers: JSON made with the reference implementations, read as tensors and compared with named tolerances.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;

/// Reads a golden file of the crate under test.
///
/// Pass `env!("CARGO_MANIFEST_DIR")` and the path inside the crate.
///
/// # Panics
/// When the file is missing or is no JSON.
pub fn read(manifest_dir: &str, file: &str) -> Value {
    let path = Path::new(manifest_dir).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All numbers of a nested array, row by row.
///
/// # Panics
/// When something other than numbers and arrays is inside.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Number(number) => vec![number.as_f64().unwrap_or_else(|| panic!("{number} is no f64"))],
        other => panic!("expected numbers, found {other}"),
    }
}

/// A matrix given as an array of rows, as an f32 tensor.
///
/// # Panics
/// When the value is no array of equally long rows.
pub fn matrix(value: &Value, device: &Device) -> Tensor<2> {
    let rows = value.as_array().unwrap_or_else(|| panic!("expected rows, found {value}")).len();
    let flat: Vec<f32> = numbers(value).into_iter().map(|x| x as f32).collect();
    let columns = flat.len() / rows;
    Tensor::from_data(TensorData::new(flat, [rows, columns]), device)
}

/// All elements of a tensor, row by row, in f64.
///
/// # Panics
/// When the backend cannot read them.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().try_into_vec().expect("f64 data")
}

/// Checks every element: `|actual - expected| <= absolute + relative |expected|`.
///
/// # Panics
/// When one lies outside, naming the first and the tolerance; when the numbers of elements differ.
pub fn assert_close<const D: usize>(what: &str, actual: Tensor<D>, expected: &[f64], relative: f64, absolute: f64) {
    let actual: Vec<f32> = actual.into_data().convert::<f32>().try_into_vec().expect("f32 data");
    assert_eq!(actual.len(), expected.len(), "{what}: number of elements");
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let (difference, allowed) = ((f64::from(actual) - expected).abs(), absolute + relative * expected.abs());
        assert!(difference <= allowed, "{what}[{index}]: {actual} is not {expected} within {allowed:e}");
    }
}
