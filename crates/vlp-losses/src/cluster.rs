use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::linear::with_slope;
use crate::pair::assert_pair;
use crate::soft_cross_entropy::{mean_of_row_products, widened};
use crate::{LossError, Sinkhorn, SinkhornConfig};
use vlp_ops::{RowSoftmax, row_softmax};

/// What each side of [`Cluster`] has to predict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClusterTargets {
    /// The other side's softmax, which learns too.
    #[default]
    Softmax,
    /// The other side's softmax as a constant.
    Constant,
    /// The other side's balanced assignment, a constant.
    Sinkhorn(SinkhornConfig),
}

/// Whose mean distribution [`Cluster`] keeps smooth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothness {
    /// Each side's own; their entropies are averaged.
    #[default]
    PerSide,
    /// That of both sides together.
    Pooled,
}

/// Over which samples [`Cluster`] takes the mean distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchMean {
    /// Those of all ranks.
    #[default]
    Global,
    /// Those of this rank. Few samples cannot fill many units: with 64 of them and K = 32768, a smoothness weight
    /// above 1.67 makes the uniform distribution the best solution.
    Local,
}

/// Configuration of [`Cluster`]. What the paper does is not known in these points; the defaults are TWIST's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// λ1, on the entropy of each sample's distribution; may be negative (TWIST's ViT recipe has -0.6).
    pub sharpness_weight: f64,
    /// λ2, on the entropy of the mean distribution; at 0 one unit for all samples is the best solution.
    pub smoothness_weight: f64,
    /// τ of both sides' predictions.
    pub temperatures: [f64; 2],
    /// τ of both sides as softmax targets; that of the predictions when there is none.
    pub target_temperatures: Option<[f64; 2]>,
    /// What is predicted.
    pub targets: ClusterTargets,
    /// Whose mean distribution counts.
    pub smoothness: Smoothness,
    /// The mean over which samples.
    pub batch_mean: BatchMean,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            sharpness_weight: 0.0,
            smoothness_weight: 1.0,
            temperatures: [1.0; 2],
            target_temperatures: None,
            targets: ClusterTargets::default(),
            smoothness: Smoothness::default(),
            batch_mean: BatchMean::default(),
        }
    }
}

/// nCLIP-style objective: image and text agree on units, each sample on few of them, the batch on all.
///
/// ```text
/// p_i = softmax(a_i / τ_a)     q_i = softmax(b_i / τ_b)     CE(u, v) = -Σ_k u_k log v_k     H(u) = CE(u, u)
/// align  = mean_i ½ [ CE(p_i, q_i) + CE(q_i, p_i) ]
/// sharp  = mean_i ½ [ H(p_i) + H(q_i) ]
/// smooth = ½ [ H(mean_i p_i) + H(mean_i q_i) ]
/// L = align + λ1 sharp - λ2 smooth
/// ```
///
/// After Zhou et al. 2023, "Non-contrastive learning meets language-image pre-training" (nCLIP), whose text and code were
/// not available: the shape is that of TWIST (Wang et al. 2021), and what is unknown is an option of [`ClusterConfig`].
/// No number of the paper is reproduced. L_smooth is at most `ln min(G, K)` for G samples; L may be negative.
///
/// With several ranks the mean distribution is the one of all samples, and the mean over ranks of the losses and of
/// their gradients is that of the joined batch.
#[derive(Debug, Clone, Copy)]
pub struct Cluster {
    config: ClusterConfig,
    sinkhorn: Option<Sinkhorn>,
}

/// [`Cluster`] taken apart; every tensor is `[1]`, and only the loss carries gradient.
#[derive(Debug, Clone)]
pub struct ClusterTerms {
    /// The loss to minimise.
    pub loss: Tensor<1>,
    /// Symmetric cross-entropy of both sides.
    pub align: Tensor<1>,
    /// Mean entropy of the samples' distributions.
    pub sharp: Tensor<1>,
    /// Entropy of the mean distribution.
    pub smooth: Tensor<1>,
}

impl ClusterConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When a temperature is not a positive number, a weight is no finite number, or Sinkhorn cannot be built.
    pub fn init(&self) -> Result<Cluster, LossError> {
        for temperature in self.temperatures.into_iter().chain(self.target_temperatures.into_iter().flatten()) {
            LossError::check_temperature(temperature)?;
        }
        LossError::check_finite("sharpness_weight", self.sharpness_weight, 0.0)?;
        LossError::check_finite("smoothness_weight", self.smoothness_weight, 1.0)?;
        let sinkhorn = match self.targets {
            ClusterTargets::Sinkhorn(config) => Some(config.init()?),
            ClusterTargets::Softmax | ClusterTargets::Constant => None,
        };
        Ok(Cluster { config: *self, sinkhorn })
    }
}

impl Cluster {
    /// The objective of the units' scores, with its parts.
    ///
    /// # Shapes
    /// - scores: both sides' units before the softmax, each `[batch, units]`; row i of one belongs to row i of the other
    ///
    /// # Panics
    /// When the sides differ in shape or device, or are empty.
    pub fn forward(&self, scores: [Tensor<2>; 2], ctx: &StepContext<'_>) -> ClusterTerms {
        self.terms(scores, None, ctx)
    }

    /// The same with targets made of other scores: those of a momentum model, or centred ones.
    ///
    /// # Shapes
    /// - scores, target_scores: both sides', each `[batch, units]`
    ///
    /// # Panics
    /// When shapes or devices differ, or the batch is empty.
    pub fn forward_with_targets(
        &self,
        scores: [Tensor<2>; 2],
        target_scores: [Tensor<2>; 2],
        ctx: &StepContext<'_>,
    ) -> ClusterTerms {
        self.terms(scores, Some(target_scores), ctx)
    }

    fn terms(
        &self,
        scores: [Tensor<2>; 2],
        target_scores: Option<[Tensor<2>; 2]>,
        ctx: &StepContext<'_>,
    ) -> ClusterTerms {
        let all = scores.iter().chain(target_scores.iter().flatten());
        all.for_each(|other| assert_pair("the cluster loss", &scores[0], other));
        let config = &self.config;
        let scores = scores.map(widened);
        let own = [0, 1].map(|side| distribution(&scores[side], config.temperatures[side]));
        let shares = own.each_ref().map(|own| own.shares.clone());
        // What targets of their own temperature or source are made of.
        let mut sources = None;
        let targets = match (self.sinkhorn, target_scores, config.target_temperatures) {
            (Some(sinkhorn), source, _) => {
                source.unwrap_or_else(|| scores.clone()).map(|scores| sinkhorn.forward(scores.inner(), ctx))
            }
            (None, None, None) => shares.clone(),
            (None, source, temperatures) => {
                let source = source.unwrap_or_else(|| scores.clone()).map(widened);
                let temperatures = temperatures.unwrap_or(config.temperatures);
                let targets = [0, 1].map(|side| distribution(&source[side], temperatures[side]).shares);
                sources = Some((source, temperatures));
                targets
            }
        };
        let [p, q] = &own;
        let crossed = |target: &Tensor<2>, of: &RowSoftmax| {
            ((target.clone() * of.below.clone()).sum_dim(1) - of.log_sum.clone()).mean()
        };
        let align = (crossed(&targets[0], q) + crossed(&targets[1], p)) / -2.0;
        let sharp = (crossed(&p.shares, p) + crossed(&q.shares, q)) / -2.0;
        let [p_mean, q_mean] = shares.map(|shares| self.batch_mean(shares, ctx));
        let means = match config.smoothness {
            Smoothness::PerSide => [p_mean, q_mean],
            Smoothness::Pooled => [0; 2].map(|_| (p_mean.clone() + q_mean.clone()) / 2.0),
        };
        let mean_logs = means.each_ref().map(|mean| logarithm(mean.clone()));
        let [p_entropy, q_entropy] = [0, 1].map(|side| entropy(means[side].clone(), mean_logs[side].clone()));
        let smooth = (p_entropy + q_entropy) / 2.0;
        let loss = align.clone() + sharp.clone() * config.sharpness_weight - smooth.clone() * config.smoothness_weight;

        let targets_learn = config.targets == ClusterTargets::Softmax;
        let mut learning: Vec<_> = scores.iter().collect();
        if let Some((source, _)) = &sources {
            learning.extend(source);
        }
        // Twice the loss, for each side.
        let slope = |side: usize| {
            let (RowSoftmax { shares, below, .. }, other) = (&own[side], 1 - side);
            // With respect to the shares, as what learns: sharpness, smoothness and, if they are targets, those. What is the
            // same in a row does not pass the softmax, so `below` does for a logarithm.
            let by_shares =
                below.clone() * -config.sharpness_weight + mean_logs[side].clone() * config.smoothness_weight;
            let by_shares = match &sources {
                None if targets_learn => by_shares - own[other].below.clone(),
                _ => by_shares,
            };
            let gradient = through_softmax(shares.clone(), by_shares, 1.0) - targets[other].clone();
            let slope = (scores[side].clone() * gradient).sum_dim(1) / config.temperatures[side];
            match &sources {
                Some((source, temperatures)) if targets_learn => {
                    let gradient = through_softmax(targets[side].clone(), own[other].below.clone().neg(), 0.0);
                    slope + (source[side].clone() * gradient).sum_dim(1) / temperatures[side]
                }
                _ => slope,
            }
        };
        let loss = with_slope(loss, &learning, || (slope(0) + slope(1)).mean() / 2.0);
        ClusterTerms { loss, align, sharp, smooth }
    }

    /// `[1, units]`.
    fn batch_mean(&self, probabilities: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<2> {
        let mean = probabilities.mean_dim(0);
        match self.config.batch_mean {
            BatchMean::Global => ctx.collective.all_reduce_sum(mean) / ctx.collective.world() as f64,
            BatchMean::Local => mean,
        }
    }
}

fn distribution(scores: &Tensor<2>, temperature: f64) -> RowSoftmax {
    row_softmax(scores.clone().inner() * (1.0 / temperature))
}

/// `shares * level` plus the gradient with respect to the shares carried on to what the softmax was taken of.
fn through_softmax(shares: Tensor<2>, gradient: Tensor<2>, level: f64) -> Tensor<2> {
    let weighted = gradient * shares.clone();
    let mean = weighted.clone().sum_dim(1);
    weighted + shares * (mean.neg() + level)
}

/// A unit below 1e-30 adds nothing to an entropy that f32 could hold, and the logarithm of zero would be infinite.
fn logarithm(distribution: Tensor<2>) -> Tensor<2> {
    distribution.clamp_min(1e-30).log()
}

/// `-Σ_k m_k log m_k` of a distribution `[1, units]`.
fn entropy(distribution: Tensor<2>, logarithm: Tensor<2>) -> Tensor<1> {
    mean_of_row_products(distribution, logarithm).neg()
}
