use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::{Collective, StepContext};

use crate::correlation::Correlation;
use crate::linear::with_slope;
use crate::pair::assert_pair;
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
#[derive(Module, Debug, Copy)]
pub struct BarlowTwins {
    #[module(skip)]
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
    /// The loss of the cross-correlation of two views.
    ///
    /// # Shapes
    /// - a, b: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or are empty.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("Barlow Twins", &a, &b);
        let BarlowTwinsConfig { off_diagonal, gradient, .. } = self.config;
        let (a, b) = (widened(a), widened(b));
        let [x, y] = [&a, &b].map(|z| self.standardized(z.clone().inner(), ctx.collective));
        let correlation = Correlation::new(x.rows.clone(), y.rows.clone(), off_diagonal, gradient, ctx.collective);
        with_slope(correlation.distance, &[&a, &b], || {
            let by_scales = correlation.matrix * correlation.gradient.clone();
            let of_a = x.gradient(
                y.rows.clone().matmul(correlation.gradient.clone().transpose()),
                by_scales.clone().sum_dim(1).transpose(),
            );
            let of_b = y.gradient(x.rows.clone().matmul(correlation.gradient), by_scales.sum_dim(0));
            ((a.clone() * of_a).sum_dim(1) + (b.clone() * of_b).sum_dim(1)).sum()
        })
    }

    fn standardized(&self, z: Tensor<2>, collective: &dyn Collective) -> Standardized {
        let number = (z.dims()[0] * collective.world()) as f64;
        let mean = |z: Tensor<2>| collective.all_reduce_sum(z.sum_dim(0)) / number;
        let centered = z.clone() - mean(z);
        let variance = mean(centered.clone().square());
        let scale = (variance + self.config.epsilon).sqrt().recip();
        Standardized { rows: centered * scale.clone(), scale }
    }
}

/// Rows with mean 0 and variance 1 in every dimension over the rows of all ranks, without history.
struct Standardized {
    /// `[batch, dim]`.
    rows: Tensor<2>,
    /// What the centred rows were multiplied with, `[1, dim]`.
    scale: Tensor<2>,
}

impl Standardized {
    /// From the gradient with respect to the standardised rows to that of the rows as they came. The correlation does not
    /// change when a mean moves, because the other side is centred; `by_scale` is what it changes by the scale, `[1, dim]`.
    fn gradient(&self, by_rows: Tensor<2>, by_scale: Tensor<2>) -> Tensor<2> {
        (by_rows - self.rows.clone() * by_scale) * self.scale.clone()
    }
}
