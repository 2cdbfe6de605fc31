use std::cmp::Ordering;

use ndarray::ArrayView1;

use crate::{Embeddings, EvalError};

/// The `k` candidates most similar to each query, nearest first; all of them where there are fewer.
///
/// # Errors
/// When the widths differ.
pub fn top_k(queries: &Embeddings, candidates: &Embeddings, k: usize) -> Result<Vec<Vec<usize>>, EvalError> {
    let mut found = Vec::with_capacity(queries.len());
    queries.similarity_blocks(candidates, |_, block| {
        found.extend(block.rows().into_iter().map(|row| largest(row, k)));
        Ok(())
    })?;
    Ok(found)
}

/// Indices of the `k` largest entries in falling order, the lower index first where entries are equal.
pub(crate) fn largest(values: ArrayView1<'_, f32>, k: usize) -> Vec<usize> {
    let falling = |a: &usize, b: &usize| -> Ordering { values[*b].total_cmp(&values[*a]).then(a.cmp(b)) };
    let mut indices: Vec<usize> = (0..values.len()).collect();
    if k == 0 {
        return Vec::new();
    }
    if k < indices.len() {
        indices.select_nth_unstable_by(k - 1, falling);
        indices.truncate(k);
    }
    indices.sort_unstable_by(falling);
    indices
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_largest_are_the_head_of_a_stable_sort(values in prop::collection::vec(-3i8..3, 1..40), k in 0usize..50) {
            let values = Array1::from_iter(values.into_iter().map(f32::from));
            let mut sorted: Vec<usize> = (0..values.len()).collect();
            sorted.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
            sorted.truncate(k);
            prop_assert_eq!(largest(values.view(), k), sorted);
        }
    }
}
