use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_core::{Collective, StepContext};

use crate::diagonal::diagonal;
use crate::log_sum_exp::{HIDDEN, log_sum_exp};
use crate::soft_cross_entropy::widened;
use crate::{LossError, l2_normalize};

/// Configuration of [`InfoLoob`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoLoobConfig {
    /// τ, which is not learned: 1/30.
    pub temperature: f64,
    /// β of the Hopfield retrieval, 8 in CLOOB; without it the embeddings are compared as they are.
    pub hopfield_beta: Option<f64>,
}

impl Default for InfoLoobConfig {
    fn default() -> Self {
        InfoLoobConfig { temperature: 1.0 / 30.0, hopfield_beta: None }
    }
}

impl InfoLoobConfig {
    /// CLOOB with its constants for Conceptual Captions.
    pub fn cloob() -> Self {
        InfoLoobConfig { hopfield_beta: Some(8.0), ..Default::default() }
    }

    /// Builds the loss.
    ///
    /// # Errors
    /// When the temperature or β is not a positive number.
    pub fn init(&self) -> Result<InfoLoob, LossError> {
        LossError::check_temperature(self.temperature)?;
        if let Some(beta) = self.hopfield_beta {
            LossError::check_positive("hopfield_beta", beta, 8.0)?;
        }
        Ok(InfoLoob { config: *self })
    }
}

/// CLOOB's loss: InfoNCE that leaves the positive out of its denominator, on embeddings retrieved from the batch.
///
/// ```text
/// x = n(image)   y = n(text)   Hop(q; S) = n(Sᵀ softmax(β S q))
/// l(u, v) = τ/N Σ_i { log Σ_j≠i exp(u_i·v_j / τ) - u_i·v_i / τ }
/// L = l(Hop(x; X), Hop(y; X)) + l(Hop(y; Y), Hop(x; Y))        without β: l(x, y) + l(y, x)
/// ```
///
/// Fürst et al. 2021, "CLOOB: modern Hopfield networks with InfoLOOB outperform CLIP". Directions are summed, not
/// averaged, and the result is multiplied by τ, both as released. The loss can be negative. With several ranks each takes
/// its own rows against the rows of all, and the mean over ranks is the loss of the joined batch; keys and stored
/// patterns carry gradient as far as the collective's gather does.
#[derive(Debug, Clone, Copy)]
pub struct InfoLoob {
    config: InfoLoobConfig,
}

impl InfoLoob {
    /// # Shapes
    /// - image, text: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `image` and `text` differ in shape, or there is only one pair on all ranks together: it has no negatives.
    pub fn forward(&self, image: Tensor<2>, text: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        let (shape, other) = (image.dims(), text.dims());
        assert_eq!(shape, other, "InfoLOOB pairs row with row: both sides must have one shape [batch, dim]");
        let number = shape[0] * ctx.collective.world();
        assert!(number > 1, "InfoLOOB has nothing but negatives in its denominator: it needs a batch of 2 or more");
        let (x, y) = (l2_normalize(widened(image)), l2_normalize(widened(text)));
        let Some(beta) = self.config.hopfield_beta else {
            return self.direction(x.clone(), y.clone(), ctx.collective) + self.direction(y, x, ctx.collective);
        };
        let directions = [(x.clone(), y.clone()), (y, x)].map(|(own, other)| {
            let stored = ctx.collective.all_gather(own.clone());
            let [own, other] = [own, other].map(|queries| retrieve(queries, stored.clone(), beta));
            self.direction(own, other, ctx.collective)
        });
        let [images, texts] = directions;
        images + texts
    }

    /// l of this rank's rows.
    fn direction(&self, queries: Tensor<2>, keys: Tensor<2>, collective: &dyn Collective) -> Tensor<1> {
        let (rows, temperature) = (queries.dims()[0], self.config.temperature);
        let keys = collective.all_gather(keys);
        let first = collective.rank() * rows;
        let positive = (queries.clone() * keys.clone().slice([first..first + rows])).sum_dim(1);
        let is_positive = diagonal([rows, keys.dims()[0]], first, &queries.device());
        let logits = (queries / temperature).matmul(keys.transpose());
        let negatives = log_sum_exp(logits.mask_fill(is_positive, HIDDEN));
        (negatives * temperature - positive).mean()
    }
}

/// One update of a modern Hopfield network without projections, normalised.
fn retrieve(queries: Tensor<2>, stored: Tensor<2>, beta: f64) -> Tensor<2> {
    let scores = (queries * beta).matmul(stored.clone().transpose());
    let highest = scores.clone().detach().max_dim(1);
    // The softmax without its denominator, which the norm takes out again.
    l2_normalize((scores - highest).exp().matmul(stored))
}
