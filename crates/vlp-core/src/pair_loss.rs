use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::StepContext;

/// Scores two batches whose i-th rows describe the same pair.
///
/// A module, so that a loss with learnable parts (a scale, a bias) is trained, saved and resumed with the model it is a
/// field of, and so that losses compose by generics.
pub trait PairLoss: Module + ModuleDisplay + 'static {
    /// The loss of a batch of pairs.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`, the scalar to minimise
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or the batch is one that the loss is not defined for.
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1>;

    /// After the optimizer: put learnable parts back into their bounds.
    fn after_update(self) -> Self {
        self
    }
}
