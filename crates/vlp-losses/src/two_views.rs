use burn::tensor::{Bool, Tensor};
use vlp_core::Collective;

use crate::diagonal::diagonal;
use crate::soft_cross_entropy::widened;
use crate::{KeyGradients, l2_normalize};

/// The rows of one view as queries; the keys are both views of all ranks, a rank's first view before its second.
#[derive(Debug)]
pub(crate) struct Queries {
    /// Cosines divided by the temperature, `[batch, 2 * world * batch]`.
    logits: Tensor<2>,
    /// The same for the other view of each query, `[batch, 1]`.
    pub(crate) positive: Tensor<2>,
    /// The column of the first query.
    own: usize,
    /// The column of its other view.
    other: usize,
}

/// Each of two views of a batch, `[batch, dim]`, against both views of all ranks.
pub(crate) fn queries(
    views: [Tensor<2>; 2],
    temperature: f64,
    key_gradients: KeyGradients,
    collective: &dyn Collective,
) -> [Queries; 2] {
    let [a, b] = views.map(|view| l2_normalize(widened(view)));
    let rows = a.dims()[0];
    let keys = key_gradients.gather(Tensor::cat(vec![a.clone(), b.clone()], 0), collective);
    let first = collective.rank() * 2 * rows;
    [(a, first, first + rows), (b, first + rows, first)].map(|(queries, own, other)| {
        let positive = (queries.clone() * keys.clone().slice([other..other + rows])).sum_dim(1) / temperature;
        let logits = queries.matmul(keys.clone().transpose()) / temperature;
        Queries { logits, positive, own, other }
    })
}

impl Queries {
    /// The logits with minus infinity for the query itself.
    pub(crate) fn others(&self) -> Tensor<2> {
        self.logits.clone().mask_fill(self.mask(self.own), f32::NEG_INFINITY)
    }

    /// The logits with minus infinity for the query itself and for its other view.
    pub(crate) fn negatives(&self) -> Tensor<2> {
        self.logits.clone().mask_fill(self.mask(self.own).bool_or(self.mask(self.other)), f32::NEG_INFINITY)
    }

    fn mask(&self, first: usize) -> Tensor<2, Bool> {
        diagonal(self.logits.dims(), first, &self.logits.device())
    }
}
