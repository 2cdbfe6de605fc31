use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;

/// Configuration of [`VicReg`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VicRegConfig {
    /// Weight of the invariance term: 25.
    pub invariance: f64,
    /// Weight of the variance term: 25.
    pub variance: f64,
    /// Weight of the covariance term: 1.
    pub covariance: f64,
    /// γ, the standard deviation every dimension should reach: 1.
    pub deviation: f64,
    /// Added to the variance under the root: 1e-4.
    pub epsilon: f64,
}

impl Default for VicRegConfig {
    fn default() -> Self {
        VicRegConfig { invariance: 25.0, variance: 25.0, covariance: 1.0, deviation: 1.0, epsilon: 1e-4 }
    }
}

/// VICReg: views alike, every dimension alive, no two dimensions alike.
///
/// ```text
/// s(z)  = mean over samples and dimensions of (a - b)²
/// v(z)  = 1/D Σ_d relu(γ - sqrt(var z_d + eps))          var and cov over the batch of all ranks, divided by N - 1
/// c(z)  = 1/D Σ_i≠j cov(z)_ij²
/// L     = 25 s + 25 (v(a) + v(b)) / 2 + 1 (c(a) + c(b))
/// ```
///
/// Bardes et al. 2021, "VICReg: variance-invariance-covariance regularization for self-supervised learning". As in the
/// released code, the sum of variances is halved and that of covariances is not. The mean over ranks is the loss of the
/// joined batch. What is gathered are not keys but the rows of a statistic, which always learn: there are no
/// [`KeyGradients`](crate::KeyGradients) here.
#[derive(Module, Debug, Copy)]
pub struct VicReg {
    #[module(skip)]
    config: VicRegConfig,
}

/// [`VicReg`] taken apart; every tensor is `[1]`, the parts are without their weights.
#[derive(Debug, Clone)]
pub struct VicRegTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// s, of this rank's rows.
    pub invariance: Tensor<1>,
    /// `(v(a) + v(b)) / 2`.
    pub variance: Tensor<1>,
    /// `c(a) + c(b)`.
    pub covariance: Tensor<1>,
}

impl VicRegConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When a weight or γ is negative or no number, or epsilon not positive.
    pub fn init(&self) -> Result<VicReg, LossError> {
        let default = VicRegConfig::default();
        LossError::check_coefficient("invariance", self.invariance, default.invariance)?;
        LossError::check_coefficient("variance", self.variance, default.variance)?;
        LossError::check_coefficient("covariance", self.covariance, default.covariance)?;
        LossError::check_coefficient("deviation", self.deviation, default.deviation)?;
        LossError::check_positive("epsilon", self.epsilon, default.epsilon)?;
        Ok(VicReg { config: *self })
    }
}

impl VicReg {
    /// The loss of two views, with its parts.
    ///
    /// # Shapes
    /// - a, b: two views, `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    ///
    /// # Panics
    /// When `a` and `b` differ in shape or device, or are empty, or there is only one row on all ranks together: it has no
    /// variance.
    pub fn forward(&self, a: Tensor<2>, b: Tensor<2>, ctx: &StepContext<'_>) -> VicRegTerms {
        assert_pair("VICReg", &a, &b);
        let number = a.dims()[0] * ctx.collective.world();
        assert!(number > 1, "VICReg divides by the batch size less 1: it needs a batch of 2 or more");
        let (a, b) = (widened(a), widened(b));
        let invariance = (a.clone() - b.clone()).square().mean_dim(1).mean();
        let [(variance_a, covariance_a), (variance_b, covariance_b)] =
            [a, b].map(|z| self.regularizers(ctx.collective.all_gather(z)));
        let (variance, covariance) = ((variance_a + variance_b) / 2.0, covariance_a + covariance_b);
        let loss = invariance.clone() * self.config.invariance
            + variance.clone() * self.config.variance
            + covariance.clone() * self.config.covariance;
        VicRegTerms { loss, invariance, variance, covariance }
    }

    /// v and c of the rows of all ranks.
    fn regularizers(&self, z: Tensor<2>) -> (Tensor<1>, Tensor<1>) {
        let [number, dim] = z.dims();
        let degrees = (number - 1) as f64;
        let centered = z.clone() - z.mean_dim(0);
        let variance = centered.clone().square().sum_dim(0) / degrees;
        let deviation = (variance.clone() + self.config.epsilon).sqrt();
        let covariance = centered.clone().transpose().matmul(centered) / degrees;
        // Rows first: the matrix has 67 million elements at the paper's width.
        let others = covariance.square().sum_dim(1).transpose() - variance.square();
        (relu(deviation.neg() + self.config.deviation).mean(), others.sum() / dim as f64)
    }
}
