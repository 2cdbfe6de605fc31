use burn::tensor::{Bool, Tensor};
use vlp_core::Collective;

use crate::l2_normalize;

/// The rows of one view as queries; the keys are both views of all ranks, a rank's first view before its second.
#[derive(Debug)]
pub(crate) struct Queries {
    /// Cosines divided by the temperature, `[batch, 2 * world * batch]`.
    pub(crate) logits: Tensor<2>,
    /// The same for the other view of each query, `[batch, 1]`.
    pub(crate) positive: Tensor<2>,
    /// True where the key is the query itself.
    pub(crate) is_self: Tensor<2, Bool>,
    /// True where the key is the query's other view.
    pub(crate) is_positive: Tensor<2, Bool>,
}

/// Each view of a batch against all, from `[batch, dim]` and `[batch, dim]`.
pub(crate) fn queries(a: Tensor<2>, b: Tensor<2>, temperature: f64, collective: &dyn Collective) -> [Queries; 2] {
    let (a, b) = (l2_normalize(a), l2_normalize(b));
    let rows = a.dims()[0];
    let keys = collective.all_gather(Tensor::cat(vec![a.clone(), b.clone()], 0));
    let number = keys.dims()[0];
    let first = collective.rank() * 2 * rows;
    let device = a.device();
    let diagonal = |from: usize| Tensor::<2, Bool>::diag_mask([rows, number], from as i64, &device).bool_not();
    [(a, first, first + rows), (b, first + rows, first)].map(|(queries, own, other)| {
        let positive = (queries.clone() * keys.clone().slice([other..other + rows])).sum_dim(1) / temperature;
        let logits = queries.matmul(keys.clone().transpose()) / temperature;
        Queries { logits, positive, is_self: diagonal(own), is_positive: diagonal(other) }
    })
}
