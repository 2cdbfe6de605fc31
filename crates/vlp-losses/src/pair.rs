use burn::tensor::Tensor;

/// Panics with both sides' shapes or devices when row i of one cannot belong to row i of the other.
pub(crate) fn assert_pair<const D: usize>(loss: &str, a: &Tensor<D>, b: &Tensor<D>) {
    let (shape, other) = (a.dims(), b.dims());
    assert_eq!(shape, other, "{loss} pairs row with row: both sides must have one shape [batch, dim]");
    assert!(shape.iter().all(|&size| size > 0), "{loss} needs at least one row and one column, got {shape:?}");
    let (device, other) = (a.device(), b.device());
    assert_eq!(device, other, "{loss} needs both sides on one device");
}
