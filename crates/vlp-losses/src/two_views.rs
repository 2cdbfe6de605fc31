use burn::tensor::{Bool, Tensor};
use vlp_core::Collective;

use crate::diagonal::diagonal;
use crate::l2_normalize;
use crate::log_sum_exp::HIDDEN;
use crate::soft_cross_entropy::widened;

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

/// Each view of a batch against all, from `[batch, dim]` and `[batch, dim]`.
pub(crate) fn queries(a: Tensor<2>, b: Tensor<2>, temperature: f64, collective: &dyn Collective) -> [Queries; 2] {
    let (a, b) = (l2_normalize(widened(a)), l2_normalize(widened(b)));
    let rows = a.dims()[0];
    let keys = collective.all_gather(Tensor::cat(vec![a.clone(), b.clone()], 0));
    let first = collective.rank() * 2 * rows;
    [(a, first, first + rows), (b, first + rows, first)].map(|(queries, own, other)| {
        let positive = (queries.clone() * keys.clone().slice([other..other + rows])).sum_dim(1) / temperature;
        let logits = (queries / temperature).matmul(keys.clone().transpose());
        Queries { logits, positive, own, other }
    })
}

impl Queries {
    /// The logits, hidden for the query itself.
    pub(crate) fn others(&self) -> Tensor<2> {
        self.logits.clone().mask_fill(self.mask(self.own), HIDDEN)
    }

    /// The logits, hidden for the query itself and for its other view.
    pub(crate) fn negatives(&self) -> Tensor<2> {
        self.logits.clone().mask_fill(self.mask(self.own).bool_or(self.mask(self.other)), HIDDEN)
    }

    fn mask(&self, first: usize) -> Tensor<2, Bool> {
        diagonal(self.logits.dims(), first, &self.logits.device())
    }
}
