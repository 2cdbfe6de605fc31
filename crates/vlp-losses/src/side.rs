use burn::tensor::Tensor;
use vlp_core::Collective;

use crate::soft_cross_entropy::widened;
use crate::{KeyGradients, l2_normalize};

/// One side of a contrast, normalised.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// A rank's own rows, `[batch, dim]`.
    pub(crate) queries: Tensor<2>,
    /// The rows of all ranks, `[world * batch, dim]`.
    pub(crate) keys: Tensor<2>,
}

impl Side {
    /// Of vectors `[batch, dim]` as an encoder returns them.
    pub(crate) fn new(x: Tensor<2>, key_gradients: KeyGradients, collective: &dyn Collective) -> Self {
        let queries = l2_normalize(widened(x));
        Side { keys: key_gradients.gather(queries.clone(), collective), queries }
    }

    /// The keys that belong to the rank's own rows.
    pub(crate) fn own_keys(&self, rank: usize) -> Tensor<2> {
        let rows = self.queries.dims()[0];
        self.keys.clone().slice([rank * rows..(rank + 1) * rows])
    }
}
