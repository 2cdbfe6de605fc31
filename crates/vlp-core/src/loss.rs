use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::StepContext;

/// Scores two batches whose i-th rows describe the same pair.
pub trait PairLoss: Module + ModuleDisplay {
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised
    /// - returns `[1]`
    fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1>;
}
