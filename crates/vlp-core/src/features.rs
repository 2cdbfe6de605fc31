use burn::tensor::Tensor;

/// Every `[batch, dim]` tensor that an objective reads, in a stable order: what can be cached, cut into micro-batches,
/// joined again and gathered across ranks without knowing the method.
pub trait Features: Sized {
    /// The tensors, always in the same order and number for one configuration.
    fn into_tensors(self) -> Vec<Tensor<2>>;

    /// The inverse of [`into_tensors`](Self::into_tensors).
    ///
    /// # Panics
    /// When the number of tensors is not what `into_tensors` gives.
    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self;
}
