use burn::tensor::Tensor;
use vlp_core::Collective;
use vlp_ops::Similarities;

use crate::soft_cross_entropy::widened;
use crate::{KeyGradients, Logits, l2_normalize};

/// The rows of one view as queries; the keys are both views of all ranks, a rank's first view before its second.
#[derive(Debug)]
pub(crate) struct Queries {
    /// `[batch, dim]`, normalised.
    queries: Tensor<2>,
    /// `[2 * world * batch, dim]`, normalised.
    keys: Tensor<2>,
    /// The inverse temperature, `[1]`.
    scale: Tensor<1>,
    /// The cosine of each query with the other view of its sample, divided by the temperature, `[batch, 1]`.
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
    let scale = constant(1.0 / temperature, &a);
    [(a, first, first + rows), (b, first + rows, first)].map(|(queries, own, other)| {
        let positive = (queries.clone() * keys.clone().slice([other..other + rows])).sum_dim(1) / temperature;
        Queries { queries, keys: keys.clone(), scale: scale.clone(), positive, own, other }
    })
}

/// A number that does not learn, `[1]`, in the precision of the vectors.
pub(crate) fn constant(value: f64, like: &Tensor<2>) -> Tensor<1> {
    Tensor::full([1], value, (&like.device(), like.dtype()))
}

impl Queries {
    /// The log-sum-exp of each query's logits without itself and its other view, `[batch, 1]`.
    pub(crate) fn negatives(&self, logits: Logits) -> Tensor<2> {
        self.log_sum_exp(logits, vec![self.own, self.other])
    }

    fn log_sum_exp(&self, logits: Logits, without: Vec<usize>) -> Tensor<2> {
        let (queries, keys) = (self.queries.clone(), self.keys.clone());
        logits.log_sum_exp(queries, keys, self.scale.clone(), Similarities::Rows { without }).rows.unsqueeze_dim(1)
    }
}
