use ndarray::ArrayView2;

use crate::embeddings::check_finite;
use crate::{Embeddings, EvalError, Positives};

/// How well queries find their answers among candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieval {
    ranks: Vec<usize>,
    /// Right answers of each query.
    answers: Vec<usize>,
    candidates: usize,
}

impl Retrieval {
    /// The rank of each query's best placed right answer, from 1.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// Number of candidates every query chooses from.
    pub fn candidates(&self) -> usize {
        self.candidates
    }

    /// Share of the queries with a right answer among the first `k`, in `[0, 1]`. With `k` at least the number of
    /// candidates every query has found it.
    pub fn recall_at(&self, k: usize) -> f64 {
        self.ranks.iter().filter(|rank| **rank <= k).count() as f64 / self.ranks.len() as f64
    }

    /// Median rank; the mean of the middle two where their number is even.
    pub fn median_rank(&self) -> f64 {
        let mut sorted = self.ranks.clone();
        sorted.sort_unstable();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] as f64 } else { (sorted[middle - 1] + sorted[middle]) as f64 / 2.0 }
    }

    /// Mean rank.
    pub fn mean_rank(&self) -> f64 {
        self.ranks.iter().sum::<usize>() as f64 / self.ranks.len() as f64
    }

    /// The recall that an order drawn at random reaches on average: `1 - C(n - p, k) / C(n, k)` for a query with p
    /// right answers among n candidates, averaged over the queries.
    pub fn chance_at(&self, k: usize) -> f64 {
        let n = self.candidates;
        let found = |p: usize| {
            // The first k places all go to the n - p wrong answers.
            let missed: f64 = (0..k.min(n)).map(|i| (n - p).saturating_sub(i) as f64 / (n - i) as f64).product();
            1.0 - missed
        };
        self.answers.iter().map(|p| found(*p)).sum::<f64>() / self.answers.len() as f64
    }

    /// The mean rank that an order drawn at random reaches: `(n + 1) / (p + 1)`, averaged over the queries.
    pub fn chance_mean_rank(&self) -> f64 {
        let rank = |p: &usize| (self.candidates + 1) as f64 / (p + 1) as f64;
        self.answers.iter().map(rank).sum::<f64>() / self.answers.len() as f64
    }
}

/// Ranks every query's right answers among all candidates by cosine similarity. Ask the other direction with the
/// arguments swapped and [`Positives::transposed`].
///
/// # Errors
/// When the widths differ or `positives` is not made for these numbers of queries and candidates.
pub fn retrieval(queries: &Embeddings, candidates: &Embeddings, positives: &Positives) -> Result<Retrieval, EvalError> {
    check_count("queries of the positives", queries.len(), positives.queries())?;
    check_count("candidates of the positives", candidates.len(), positives.candidates())?;
    let mut ranks = Vec::with_capacity(queries.len());
    queries.similarity_blocks(candidates, |start, block| {
        ranks.extend(block.rows().into_iter().enumerate().map(|(i, row)| best_rank(row, positives.of(start + i))));
        Ok(())
    })?;
    Ok(Retrieval { ranks, answers: answers(positives), candidates: candidates.len() })
}

/// [`retrieval`] from a similarity matrix of whatever origin.
///
/// # Shapes
/// - similarity: `[queries, candidates]`
///
/// # Errors
/// When a similarity is not finite, the matrix is empty or `positives` is made for another shape.
pub fn ranks(similarity: ArrayView2<'_, f32>, positives: &Positives) -> Result<Retrieval, EvalError> {
    if similarity.is_empty() {
        return Err(EvalError::Empty { what: "a similarity matrix" });
    }
    check_count("rows of the similarity matrix", positives.queries(), similarity.nrows())?;
    check_count("columns of the similarity matrix", positives.candidates(), similarity.ncols())?;
    check_finite("similarities", similarity)?;
    let ranks = similarity.rows().into_iter().enumerate().map(|(i, row)| best_rank(row, positives.of(i))).collect();
    Ok(Retrieval { ranks, answers: answers(positives), candidates: similarity.ncols() })
}

fn answers(positives: &Positives) -> Vec<usize> {
    (0..positives.queries()).map(|query| positives.of(query).len()).collect()
}

pub(crate) fn check_count(what: &'static str, expected: usize, got: usize) -> Result<(), EvalError> {
    if expected == got { Ok(()) } else { Err(EvalError::Count { what, expected, got }) }
}

/// One plus the number of candidates before the best placed of `right`: the more similar ones, and the equally similar
/// ones of lower index. Counting needs no sorting.
pub(crate) fn best_rank(similarities: ndarray::ArrayView1<'_, f32>, right: &[usize]) -> usize {
    let best =
        right[1..].iter().fold(right[0], |best, i| if similarities[*i] > similarities[best] { *i } else { best });
    let threshold = similarities[best];
    let before = |(i, s): (usize, &f32)| *s > threshold || (*s == threshold && i < best);
    1 + similarities.iter().enumerate().filter(|entry| before(*entry)).count()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_best_placed_answer_counts_and_ties_go_to_the_lower_index() {
        let similarity = array![[0.5, 0.9, 0.5, 0.1], [0.2, 0.2, 0.2, 0.2], [0.0, -0.5, -1.0, 0.3]];
        let positives = Positives::from_lists(vec![vec![0, 2], vec![2], vec![1, 2]], 4).expect("valid");
        let result = ranks(similarity.view(), &positives).expect("finite");
        assert_eq!(result.ranks(), [2, 3, 3]);
        assert_eq!(result.median_rank(), 3.0);
        assert!((result.mean_rank() - 8.0 / 3.0).abs() < 1e-12);
        assert_eq!(result.recall_at(0), 0.0);
        assert!((result.recall_at(2) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn more_places_than_candidates_count_as_found() {
        let result =
            ranks(array![[0.1, 0.2]].view(), &Positives::from_lists(vec![vec![0]], 2).expect("valid")).expect("finite");
        assert_eq!((result.recall_at(2), result.recall_at(10)), (1.0, 1.0));
        assert_eq!((result.chance_at(2), result.chance_at(10)), (1.0, 1.0));
    }

    #[test]
    fn chance_is_what_all_orders_reach_on_average() {
        // 5 candidates, right answers 0 and 1: every order of 5 places is equally likely.
        let positives = Positives::from_lists(vec![vec![0, 1]], 5).expect("valid");
        let (mut found, mut total, mut orders) = ([0.0; 6], 0.0, 0.0);
        for code in 0..5usize.pow(5) {
            let places: Vec<usize> = (0..5u32).map(|i| code / 5usize.pow(i) % 5).collect();
            if (0..5).any(|p| !places.contains(&p)) {
                continue;
            }
            let row = Array2::from_shape_fn((1, 5), |(_, i)| -(places[i] as f32));
            let result = ranks(row.view(), &positives).expect("finite");
            orders += 1.0;
            total += result.mean_rank();
            (1..6).for_each(|k| found[k] += result.recall_at(k));
        }
        let result = ranks(Array2::zeros((1, 5)).view(), &positives).expect("finite");
        assert_eq!(orders, 120.0);
        assert!((result.chance_mean_rank() - total / orders).abs() < 1e-12);
        (1..6).for_each(|k| assert!((result.chance_at(k) - found[k] / orders).abs() < 1e-12, "{k}"));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let pairs = Positives::paired(2);
        let nan = ranks(array![[0.0, 1.0], [f32::INFINITY, 0.0]].view(), &pairs).expect_err("not finite");
        assert_eq!(nan, EvalError::NotFinite { what: "similarities", row: 1, column: 0 });
        assert!(matches!(ranks(array![[0.0, 1.0]].view(), &pairs), Err(EvalError::Count { .. })));
        assert!(matches!(ranks(Array2::zeros((0, 0)).view(), &Positives::paired(0)), Err(EvalError::Empty { .. })));
        let e = Embeddings::new(array![[1.0], [2.0], [3.0]]).expect("finite");
        assert!(matches!(retrieval(&e, &e, &pairs), Err(EvalError::Count { expected: 3, got: 2, .. })));
    }
}
