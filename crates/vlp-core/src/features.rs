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

/// Features that need no names.
impl<const N: usize> Features for [Tensor<2>; N] {
    fn into_tensors(self) -> Vec<Tensor<2>> {
        self.into()
    }

    fn from_tensors(tensors: Vec<Tensor<2>>) -> Self {
        let count = tensors.len();
        tensors.try_into().unwrap_or_else(|_| panic!("these features are {N} tensors, got {count}"))
    }
}
