use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::soft_cross_entropy::widened;

/// Configuration of [`Sinkhorn`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SinkhornConfig {
    /// Times both marginals are put right; 3 in SwAV and CLIP-rocket.
    pub iterations: usize,
    /// ε, the entropy weight: the smaller, the nearer to one-hot; 0.05 in SwAV and CLIP-rocket.
    pub epsilon: f64,
}

impl Default for SinkhornConfig {
    fn default() -> Self {
        SinkhornConfig { iterations: 3, epsilon: 0.05 }
    }
}

/// Balanced soft assignment of samples to prototypes, without gradient.
///
/// ```text
/// M = exp(S / ε)ᵀ                          K prototypes x G samples of all ranks
/// repeat: each row /= K · its sum          each prototype gets 1/K of the mass
///         each column /= G · its sum       each sample gives 1/G of it
/// Q = G Mᵀ                                 rows sum to 1
/// ```
///
/// Cuturi 2013; Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster assignments",
/// appendix A. The same iteration runs here on potentials, `log M = S/ε + f + g` with `f` per prototype and `g` per
/// sample, through log-sum-exps that subtract the largest term: the references exponentiate `S / ε` itself, which
/// overflows in f32 once a score exceeds 88 ε. Half-precision scores are widened to f32. Sums over samples run over all
/// ranks.
#[derive(Debug, Clone, Copy)]
pub struct Sinkhorn {
    iterations: usize,
    epsilon: f64,
}

impl SinkhornConfig {
    /// Builds the assignment.
    ///
    /// # Errors
    /// When there is no iteration, or ε is not a positive number.
    pub fn init(&self) -> Result<Sinkhorn, LossError> {
        if self.iterations == 0 {
            return Err(LossError::SinkhornIterations(self.iterations));
        }
        LossError::check_positive("epsilon", self.epsilon, SinkhornConfig::default().epsilon)?;
        Ok(Sinkhorn { iterations: self.iterations, epsilon: self.epsilon })
    }
}

impl Sinkhorn {
    /// The share of each sample that each prototype gets.
    ///
    /// # Shapes
    /// - scores: `[batch, prototypes]`, this rank's samples; every rank has as many
    /// - result: `[batch, prototypes]`, rows sum to 1
    pub fn forward(&self, scores: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
        let mut log_mass = widened(scores.detach()) / self.epsilon;
        for _ in 0..self.iterations {
            // The factors K and G shift everything alike: the next step cancels them, or `Q = G Mᵀ` does.
            log_mass = log_mass.clone() - log_sum_exp_over_samples(log_mass, ctx);
            log_mass = log_mass.clone() - log_sum_exp(log_mass, 1);
        }
        log_mass.exp()
    }
}

/// Per prototype over the samples of all ranks, `[1, prototypes]`.
fn log_sum_exp_over_samples(x: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
    let collective = ctx.collective;
    if collective.world() == 1 {
        return log_sum_exp(x, 0);
    }
    let highest = collective.all_gather(x.clone().max_dim(0)).max_dim(0);
    collective.all_reduce_sum((x - highest.clone()).exp().sum_dim(0)).log() + highest
}

fn log_sum_exp(x: Tensor<2>, dim: usize) -> Tensor<2> {
    let highest = x.clone().max_dim(dim);
    (x - highest.clone()).exp().sum_dim(dim).log() + highest
}
