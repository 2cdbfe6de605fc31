use std::fmt::Debug;

use burn::tensor::Tensor;

/// The ranks that train one model together. Object safe, so that a [`StepContext`](crate::StepContext) carries any.
///
/// Both operations are differentiable: the backward pass of a gather sums what every rank's loss sends to this rank's
/// rows, the backward pass of a sum is a sum.
pub trait Collective: Debug + Send + Sync {
    /// This rank, from 0.
    fn rank(&self) -> usize;
    /// The number of ranks.
    fn world(&self) -> usize;
    /// The rows of all ranks, in rank order: `[rows, dim]` to `[world * rows, dim]`.
    fn all_gather(&self, x: Tensor<2>) -> Tensor<2>;
    /// The element-wise sum over the ranks, of the shape of `x`.
    fn all_reduce_sum(&self, x: Tensor<2>) -> Tensor<2>;
}

/// A run with one rank: gathers and sums return their input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Single;

impl Collective for Single {
    fn rank(&self) -> usize {
        0
    }

    fn world(&self) -> usize {
        1
    }

    fn all_gather(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }

    fn all_reduce_sum(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }
}
