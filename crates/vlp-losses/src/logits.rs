use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vlp_ops::{LogSumExp, Similarities};

use crate::diagonal::diagonal;
use crate::log_sum_exp::{HIDDEN, log_sum_exp};

/// Whether the similarities of all pairs are held at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logits {
    /// In chunks where there are many, whole where there are few: whichever is faster.
    #[default]
    Auto,
    /// The whole matrix, which is kept until the backward pass: memory grows with the square of the batch.
    Whole,
    /// A chunk of rows at a time, computed again in the backward pass (see [`vlp_ops::log_sum_exp`]): memory grows with
    /// the batch. The same numbers up to rounding.
    Chunked,
}

/// From so many pairs on chunks are the faster way.
const MANY: usize = 1 << 16;

impl Logits {
    pub(crate) fn chunked(self, rows: usize, columns: usize) -> bool {
        match self {
            Logits::Auto => rows * columns >= MANY,
            Logits::Whole => false,
            Logits::Chunked => true,
        }
    }

    /// [`vlp_ops::log_sum_exp`], or the same from the whole matrix.
    pub(crate) fn log_sum_exp(self, a: Tensor<2>, b: Tensor<2>, scale: Tensor<1>, which: Similarities) -> LogSumExp {
        if self.chunked(a.dims()[0], b.dims()[0]) {
            return vlp_ops::log_sum_exp(a, b, scale, which);
        }
        let mut logits = a.matmul(b.transpose()) * scale.unsqueeze::<2>();
        let (both, without) = match which {
            Similarities::RowsAndColumns { without } => (true, without),
            Similarities::Rows { without } => (false, without),
        };
        for offset in without {
            let mask = diagonal(logits.dims(), offset, &logits.device());
            logits = logits.mask_fill(mask, HIDDEN);
        }
        let best = logits.clone().detach().argmax(1).float().flatten(0, 1);
        let columns = both.then(|| log_sum_exp(logits.clone().transpose()));
        let flat = |x: Tensor<2>| x.flatten::<1>(0, 1);
        LogSumExp { rows: flat(log_sum_exp(logits)), columns: columns.map(flat), best }
    }
}
