use burn::tensor::Tensor;

/// Divides every row by its Euclidean norm, at least 1e-12: `x / max(‖x‖₂, 1e-12)`, as PyTorch's `normalize`.
///
/// A row of zeros stays zero and receives a finite gradient.
///
/// # Shapes
/// - x and result: `[rows, dim]`, f32 or wider: half precision does not hold the floor
pub fn l2_normalize(x: Tensor<2>) -> Tensor<2> {
    let norms = floored_norms(x.clone());
    x * norms.recip()
}

/// `max(‖x‖₂, 1e-12)` of every row, `[rows, 1]`.
pub(crate) fn floored_norms(x: Tensor<2>) -> Tensor<2> {
    // The floor is on the sum of squares: a square root at zero has no gradient.
    x.square().sum_dim(1).clamp_min(1e-24).sqrt()
}
