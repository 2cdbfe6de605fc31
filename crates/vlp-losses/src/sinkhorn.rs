use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::LossError;
use crate::soft_cross_entropy::widened;
use vlp_ops::{RowSoftmax, row_softmax};

/// Iterations after which the factors are multiplied into the matrix. Each can make them as much as `K G` times as large.
const BETWEEN_UPDATES: usize = 3;

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
/// holds a zero and nothing above, so that no sum vanishes, whatever the scores. Half-precision scores are widened to f32.
/// Maxima and sums over samples run over all ranks.
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
        let autodiff = scores.is_autodiff();
        let scores = widened(scores.inner());
        let logits = (scores.clone() - highest_over_samples(scores, ctx)) * (1.0 / self.epsilon);
        let RowSoftmax { mut shares, log_sum, highest, .. } = row_softmax(logits);
        // The samples' own factors count in the first sums only: dividing by each sample's sum removes them.
        let mut weights = (highest + log_sum).exp();
        let mut left = self.iterations;
        while left > 0 {
            let few = left.min(BETWEEN_UPDATES);
            (shares, left) = (balanced(shares, weights.clone(), few, ctx), left - few);
            weights = weights.ones_like();
        }
        if autodiff { Tensor::from_inner(shares) } else { shares }
    }
}

/// Divides by the prototypes' sums over the weighted samples of all ranks, then by the samples' own, `iterations` times.
///
/// Only the factors of samples and prototypes change on the way, so that an iteration reads the matrix twice and never
/// writes it. K and G of the equation scale everything alike: the next division cancels them, or `Q = G Mᵀ` does.
fn balanced(shares: Tensor<2>, weights: Tensor<2>, iterations: usize, ctx: &StepContext<'_>) -> Tensor<2> {
    let next = |samples: Tensor<2>| {
        let sums = ctx.collective.all_reduce_sum(samples.transpose().matmul(shares.clone()));
        let prototypes = sums.recip();
        let samples = shares.clone().matmul(prototypes.clone().transpose()).recip();
        (samples, prototypes)
    };
    let (samples, prototypes) = (1..iterations).fold(next(weights), |(samples, _), _| next(samples));
    shares * samples * prototypes
}

/// Per prototype over the samples of all ranks, `[1, prototypes]`.
fn highest_over_samples(scores: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
    let mut highest = scores;
    // The CPU backend walks columns one by one, which costs three times as much as halving the rows until few are left.
    while highest.dims()[0] > 8 {
        let rows = highest.dims()[0];
        let half = rows.div_ceil(2);
        highest = highest.clone().slice([0..half]).max_pair(highest.slice([rows - half..rows]));
    }
    let highest = highest.max_dim(0);
    if ctx.collective.world() == 1 { highest } else { ctx.collective.all_gather(highest).max_dim(0) }
}
