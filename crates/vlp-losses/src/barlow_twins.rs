use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::{Collective, StepContext};

use crate::correlation::distance_to_identity;
use crate::soft_cross_entropy::widened;
use crate::{CorrelationGradient, LossError};

/// Configuration of [`BarlowTwins`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BarlowTwinsConfig {
    /// λ, the weight of the elements off the diagonal: 5e-3.
    pub off_diagonal: f64,
    /// Added to the variance of every dimension, as batch normalisation does: 1e-5.
    pub epsilon: f64,
    /// What a rank's gradient sees of the others' correlation.
    pub gradient: CorrelationGradient,
}

impl Default for BarlowTwinsConfig {
    fn default() -> Self {
        BarlowTwinsConfig { off_diagonal: 5e-3, epsilon: 1e-5, gradient: CorrelationGradient::Full }
    }
}

/// Barlow Twins: the cross-correlation of two views should be the identity.
///
/// ```text
/// ẑ = (z - mean z) / sqrt(var z + eps)      per dimension, over the batch of all ranks, biased variance
/// C = 1/N ẑ_aᵀ ẑ_b        L = Σ_i (C_ii - 1)² + λ Σ_i≠j C_ij²
/// ```
///
/// Zbontar et al. 2021, "Barlow Twins: self-supervised learning via redundancy reduction". The released code's extra
/// factor on L, made for its optimizer, is left out. Every rank returns the loss of the joined batch; the batches of all
/// ranks must be equally large. A batch of one row has no variance: C is zero and the loss the number of dimensions.
#[derive(Debug, Clone, Copy)]
pub struct BarlowTwins {
    config: BarlowTwinsConfig,
}

impl BarlowTwinsConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When λ is negative or no number, or epsilon not positive.
    pub fn init(&self) -> Result<BarlowTwins, LossError> {
        LossError::check_coefficient("off_diagonal", self.off_diagonal, 5e-3)?;
        LossError::check_positive("epsilon", self.epsilon, 1e-5)?;
        Ok(BarlowTwins { config: *self })
    }
}

impl BarlowTwins {
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_eq!(a.dims(), b.dims(), "Barlow Twins pairs row with row: both sides must have one shape [batch, dim]");
        let [a, b] = [a, b].map(|z| self.standardized(widened(z), ctx.collective));
        distance_to_identity(a, b, self.config.off_diagonal, self.config.gradient, ctx.collective)
    }

    /// Every dimension with mean 0 and variance 1 over the rows of all ranks.
    fn standardized(&self, z: Tensor<2>, collective: &dyn Collective) -> Tensor<2> {
        let number = (z.dims()[0] * collective.world()) as f64;
        let mean = |z: Tensor<2>| collective.all_reduce_sum(z.sum_dim(0)) / number;
        // The means are constants: variance and correlation of centred rows do not change when a mean moves, to first order.
        let centered = z.clone() - mean(z.inner());
        let variance = mean(centered.clone().square());
        centered * (variance + self.config.epsilon).sqrt().recip()
    }
}
