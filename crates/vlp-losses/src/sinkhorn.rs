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
/// appendix A. The references exponentiate `S / ε` itself, which overflows in f32 once a score exceeds 88 ε. Here each
/// prototype's and then each sample's largest score is subtracted first: every row and column of what is exponentiated
/// holds a zero and nothing above, so that no sum is below `1 / max(K, G)`, whatever the scores. Half-precision scores are
/// widened to f32. Maxima and sums over samples run over all ranks.
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
        let scores = widened(scores.detach()) / self.epsilon;
        let scores = scores.clone() - highest_over_samples(scores, ctx);
        let highest = scores.clone().max_dim(1);
        let mass = (scores - highest.clone()).exp();
        // The samples' own factors count in the first sums only: dividing by each sample's sum removes them.
        let of_prototypes = (mass.clone() * highest.exp()).sum_dim(0);
        let first = balanced(mass, of_prototypes, ctx);
        // The factors K and G scale everything alike: the next division cancels them, or `Q = G Mᵀ` does.
        (1..self.iterations).fold(first, |mass, _| {
            let of_prototypes = mass.clone().sum_dim(0);
            balanced(mass, of_prototypes, ctx)
        })
    }
}

/// Divides by the prototypes' sums, `[1, prototypes]` on this rank, and then by the samples' own.
fn balanced(mass: Tensor<2>, of_prototypes: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
    let mass = mass / ctx.collective.all_reduce_sum(of_prototypes);
    mass.clone() / mass.sum_dim(1)
}

/// Per prototype over the samples of all ranks, `[1, prototypes]`.
fn highest_over_samples(scores: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
    let highest = scores.max_dim(0);
    if ctx.collective.world() == 1 { highest } else { ctx.collective.all_gather(highest).max_dim(0) }
}
