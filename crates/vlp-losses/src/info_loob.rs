use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use serde::{Deserialize, Serialize};
use vlp_core::{Collective, StepContext};
use vlp_ops::Similarities;

use crate::pair::assert_pair;
use crate::soft_cross_entropy::widened;
use crate::two_views::constant;
use crate::{KeyGradients, Logits, LossError, l2_normalize};

/// Configuration of [`InfoLoob`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InfoLoobConfig {
    /// τ, which is not learned: 1/30.
    pub temperature: f64,
    /// β of the Hopfield retrieval, 8 in CLOOB; without it the embeddings are compared as they are.
    pub hopfield_beta: Option<f64>,
    /// Whether keys and stored patterns learn too.
    pub key_gradients: KeyGradients,
    /// Whether the similarities of queries with keys are held at once.
    pub logits: Logits,
}

impl Default for InfoLoobConfig {
    fn default() -> Self {
        InfoLoobConfig {
            temperature: 1.0 / 30.0,
            hopfield_beta: None,
            key_gradients: KeyGradients::Full,
            logits: Logits::Auto,
        }
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
/// its own rows against the rows of all, and the mean over ranks is the loss of the joined batch; the gradient of keys and
/// stored patterns is that of [`KeyGradients`].
#[derive(Module, Debug, Copy)]
pub struct InfoLoob {
    #[module(skip)]
    config: InfoLoobConfig,
}

impl InfoLoob {
    /// The leave-one-out loss of a batch of pairs.
    ///
    /// # Shapes
    /// - image, text: `[batch, dim]`, not normalised; row i of one belongs to row i of the other
    /// - result: `[1]`
    ///
    /// # Panics
    /// When `image` and `text` differ in shape or device, or are empty, or there is only one pair on all ranks together: it
    /// has no negatives.
    pub fn forward(&self, image: Tensor<2>, text: Tensor<2>, ctx: &StepContext<'_>) -> Tensor<1> {
        assert_pair("InfoLOOB", &image, &text);
        let number = image.dims()[0] * ctx.collective.world();
        assert!(number > 1, "InfoLOOB has nothing but negatives in its denominator: it needs a batch of 2 or more");
        let (x, y) = (l2_normalize(widened(image)), l2_normalize(widened(text)));
        let Some(beta) = self.config.hopfield_beta else {
            return self.direction(x.clone(), y.clone(), ctx.collective) + self.direction(y, x, ctx.collective);
        };
        let directions = [(x.clone(), y.clone()), (y, x)].map(|(own, other)| {
            let stored = self.config.key_gradients.gather(own.clone(), ctx.collective);
            let [own, other] = [own, other].map(|queries| retrieve(queries, stored.clone(), beta));
            self.direction(own, other, ctx.collective)
        });
        let [images, texts] = directions;
        images + texts
    }

    /// l of this rank's rows.
    fn direction(&self, queries: Tensor<2>, keys: Tensor<2>, collective: &dyn Collective) -> Tensor<1> {
        let (rows, temperature) = (queries.dims()[0], self.config.temperature);
        let keys = self.config.key_gradients.gather(keys, collective);
        let first = collective.rank() * rows;
        let positive = (queries.clone() * keys.clone().slice([first..first + rows])).sum_dim(1);
        let (scale, without) = (constant(1.0 / temperature, &queries), vec![first]);
        let negatives = self.config.logits.log_sum_exp(queries, keys, scale, Similarities::Rows { without }).rows;
        let positive = positive.flatten::<1>(0, 1);
        (negatives * temperature - positive).mean()
    }
}

/// One update of a modern Hopfield network without projections, normalised.
fn retrieve(queries: Tensor<2>, stored: Tensor<2>, beta: f64) -> Tensor<2> {
    let association = softmax(queries.matmul(stored.clone().transpose()) * beta, 1);
    l2_normalize(association.matmul(stored))
}
