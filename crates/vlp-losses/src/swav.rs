use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::StepContext;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::{mean_of_others, soft_cross_entropy_at, widened};
use crate::{LossError, Sinkhorn, SinkhornConfig};

/// Configuration of [`Swav`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwavConfig {
    /// T, of the predictions.
    pub temperature: f64,
    /// How codes are balanced.
    pub sinkhorn: SinkhornConfig,
}

impl Default for SwavConfig {
    fn default() -> Self {
        SwavConfig { temperature: 0.1, sinkhorn: SinkhornConfig::default() }
    }
}

/// SwAV: every view predicts the balanced assignment of every other global view.
///
/// ```text
/// Q_i = Sinkhorn(sg [queue scores_i; scores_i]), rows of the batch        i: global views
/// L = mean_i  1/(V - 1) Σ_{v ≠ i} -mean_n Σ_k Q_ink log softmax(scores_v / T)_nk        v: all V views
/// ```
///
/// Caron et al. 2020, "Unsupervised learning of visual features by contrasting cluster assignments". Scores are those of
/// [`Prototypes`](crate::Prototypes). A queue's scores are those of features of earlier batches with the prototypes of
/// today; they only balance the codes.
#[derive(Debug, Clone, Copy)]
pub struct Swav {
    temperature: f64,
    sinkhorn: Sinkhorn,
}

impl SwavConfig {
    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature is not a positive number or Sinkhorn cannot be built.
    pub fn init(&self) -> Result<Swav, LossError> {
        LossError::check_temperature(self.temperature)?;
        Ok(Swav { temperature: self.temperature, sinkhorn: self.sinkhorn.init()? })
    }
}

impl Swav {
    /// The loss of swapped predictions over all crops.
    ///
    /// # Shapes
    /// - global: scores of the global views, each `[batch, prototypes]`
    /// - local: scores of the local views, each `[batch, prototypes]`
    /// - queues: none, or one per global view, each `[queued, prototypes]`
    /// - result: `[1]`
    ///
    /// # Panics
    /// When there are fewer than two views or no global one, or shapes or the number of queues do not fit.
    pub fn forward(
        &self,
        global: &[Tensor<2>],
        local: &[Tensor<2>],
        queues: &[Tensor<2>],
        ctx: &StepContext<'_>,
    ) -> Tensor<1> {
        let views = global.len() + local.len();
        assert!(!global.is_empty() && views > 1, "SwAV swaps views: at least one global view and another are needed");
        global.iter().chain(local).for_each(|view| assert_pair("SwAV", &global[0], view));
        let queued = queues.len();
        let fits = queued == 0 || queued == global.len();
        assert!(fits, "SwAV needs one queue per global view or none: {queued} for {} views", global.len());

        let codes: Vec<_> = (0..global.len()).map(|i| self.codes(&global[i], queues.get(i), ctx)).collect();
        let swapped = global.iter().chain(local).enumerate().filter_map(|(view, scores)| {
            let (target, number) = mean_of_others(&codes, view)?;
            Some(soft_cross_entropy_at(self.temperature, target, widened(scores.clone())) * number)
        });
        let sum = swapped.reduce(|sum, next| sum + next).expect("two views, one of them global");
        sum / (global.len() * (views - 1)) as f64
    }

    fn codes(&self, scores: &Tensor<2>, queue: Option<&Tensor<2>>, ctx: &StepContext<'_>) -> Tensor<2> {
        let Some(queue) = queue else { return self.sinkhorn.forward(scores.clone(), ctx) };
        let (queued, rows) = (queue.dims()[0], scores.dims()[0]);
        let all = Tensor::cat(vec![queue.clone().detach(), scores.clone().detach()], 0);
        self.sinkhorn.forward(all, ctx).slice([queued..queued + rows])
    }
}
