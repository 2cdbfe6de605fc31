use crate::retrieval::check_count;
use crate::top_k::largest;
use crate::zero_shot::check_labels;
use crate::{Embeddings, EvalError};

/// Weighted nearest neighbours: the `k` nearest labelled samples vote `exp(similarity / temperature)` for their class
/// (Wu et al. 2018, arXiv 1805.01978).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knn {
    /// How many neighbours vote; all samples where there are fewer.
    pub k: usize,
    /// How fast a vote fades with distance; smaller is faster.
    pub temperature: f64,
}

impl Default for Knn {
    /// The customary 200 neighbours at temperature 0.1.
    fn default() -> Self {
        Knn { k: 200, temperature: 0.1 }
    }
}

impl Knn {
    /// The class of each query; the lower number where votes are equal.
    ///
    /// # Errors
    /// When the widths differ, there is not one label a sample of the bank, `k` is 0 or the temperature is not above 0.
    pub fn predict(&self, bank: &Embeddings, labels: &[usize], queries: &Embeddings) -> Result<Vec<usize>, EvalError> {
        if self.k == 0 {
            return Err(EvalError::Setting { name: "k", value: "0".to_owned(), must: "at least 1" });
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            let value = self.temperature.to_string();
            return Err(EvalError::Setting { name: "the temperature", value, must: "finite and above 0" });
        }
        let classes = labels.iter().max().map_or(0, |c| c + 1);
        check_labels(labels, bank.len(), classes)?;
        let mut predictions = Vec::with_capacity(queries.len());
        queries.similarity_blocks(bank, |_, block| {
            for row in block.rows() {
                let neighbours = largest(row, self.k);
                // Relative to the nearest: the same winner, and no overflow at a small temperature.
                let nearest = f64::from(row[neighbours[0]]);
                let mut votes = vec![0.0; classes];
                for index in neighbours {
                    votes[labels[index]] += ((f64::from(row[index]) - nearest) / self.temperature).exp();
                }
                let best = votes.iter().enumerate().fold(0, |best, (i, v)| if *v > votes[best] { i } else { best });
                predictions.push(best);
            }
            Ok(())
        })?;
        Ok(predictions)
    }
}

/// Share of predictions that equal their label.
///
/// # Errors
/// When there are none, or they differ in number.
pub fn accuracy(predictions: &[usize], labels: &[usize]) -> Result<f64, EvalError> {
    check_count("labels of the predictions", predictions.len(), labels.len())?;
    if labels.is_empty() {
        return Err(EvalError::Empty { what: "the set of predictions" });
    }
    let right = predictions.iter().zip(labels).filter(|(a, b)| a == b).count();
    Ok(right as f64 / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn bank() -> (Embeddings, Vec<usize>) {
        (Embeddings::new(array![[1.0, 0.0], [0.9, 0.3], [0.8, 0.5], [0.0, 1.0]]).expect("finite"), vec![2, 0, 0, 1])
    }

    #[test]
    fn many_far_neighbours_outvote_one_near_at_a_high_temperature_only() {
        let (bank, labels) = bank();
        let query = Embeddings::new(array![[1.0, 0.0]]).expect("finite");
        let predict = |k, temperature| Knn { k, temperature }.predict(&bank, &labels, &query).expect("valid");
        assert_eq!(predict(1, 1.0), [2]);
        assert_eq!(predict(3, 1.0), [0]);
        assert_eq!(predict(3, 0.01), [2]);
        assert_eq!(predict(3, 1e-300), [2]);
        assert_eq!(predict(100, 1.0), [0]);
    }

    #[test]
    fn equal_votes_go_to_the_lower_class() {
        let bank = Embeddings::new(array![[1.0, 0.0], [1.0, 0.0]]).expect("finite");
        let query = Embeddings::new(array![[1.0, 1.0]]).expect("finite");
        let knn = Knn { k: 2, temperature: 0.1 };
        assert_eq!(knn.predict(&bank, &[3, 1], &query), Ok(vec![1]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (bank, labels) = bank();
        let refused = |knn: Knn, labels: &[usize]| knn.predict(&bank, labels, &bank).expect_err("refused");
        assert!(matches!(refused(Knn { k: 0, temperature: 0.1 }, &labels), EvalError::Setting { name: "k", .. }));
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(refused(Knn { k: 5, temperature }, &labels), EvalError::Setting { .. }));
        }
        assert!(matches!(refused(Knn::default(), &[0]), EvalError::Count { expected: 4, got: 1, .. }));
        assert!(matches!(accuracy(&[], &[]), Err(EvalError::Empty { .. })));
        assert!(matches!(accuracy(&[1], &[]), Err(EvalError::Count { .. })));
    }
}
