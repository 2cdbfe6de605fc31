use std::collections::HashMap;
use std::hash::Hash;

use crate::EvalError;

/// Which candidates answer each query rightly: one or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positives {
    /// By query, ascending and without repetition.
    lists: Vec<Vec<usize>>,
    candidates: usize,
}

impl Positives {
    /// Query i is answered by candidate i.
    pub fn paired(samples: usize) -> Self {
        Positives { lists: (0..samples).map(|i| vec![i]).collect(), candidates: samples }
    }

    /// A query is answered by every candidate of its own group: pictures of the same concept, captions of the same
    /// picture.
    ///
    /// # Errors
    /// When a query's group has no candidate.
    pub fn by_group<G: Eq + Hash>(queries: &[G], candidates: &[G]) -> Result<Self, EvalError> {
        let mut members: HashMap<&G, Vec<usize>> = HashMap::new();
        for (index, group) in candidates.iter().enumerate() {
            members.entry(group).or_default().push(index);
        }
        let lists = queries.iter().map(|group| members.get(group).cloned().unwrap_or_default()).collect();
        Positives::from_lists(lists, candidates.len())
    }

    /// Query i is answered by the candidates in `lists[i]`.
    ///
    /// # Errors
    /// When a list is empty or names a candidate beyond `candidates`.
    pub fn from_lists(mut lists: Vec<Vec<usize>>, candidates: usize) -> Result<Self, EvalError> {
        for (query, list) in lists.iter_mut().enumerate() {
            list.sort_unstable();
            list.dedup();
            match list.last() {
                None => return Err(EvalError::NoPositive { query }),
                Some(&index) if index >= candidates => {
                    return Err(EvalError::OutOfRange { what: "right answer", index, len: candidates });
                }
                Some(_) => {}
            }
        }
        Ok(Positives { lists, candidates })
    }

    /// The same pairs asked the other way round.
    ///
    /// # Errors
    /// When a candidate answers no query: it would be a query without an answer.
    pub fn transposed(&self) -> Result<Self, EvalError> {
        let mut lists = vec![Vec::new(); self.candidates];
        for (query, list) in self.lists.iter().enumerate() {
            for &candidate in list {
                lists[candidate].push(query);
            }
        }
        Positives::from_lists(lists, self.lists.len())
    }

    /// The right answers of a query, ascending.
    ///
    /// # Panics
    /// When there is no such query.
    pub fn of(&self, query: usize) -> &[usize] {
        &self.lists[query]
    }

    /// Whether the candidate answers the query.
    ///
    /// # Panics
    /// When there is no such query.
    pub fn contains(&self, query: usize, candidate: usize) -> bool {
        self.of(query).binary_search(&candidate).is_ok()
    }

    /// Number of queries.
    pub fn queries(&self) -> usize {
        self.lists.len()
    }

    /// Number of candidates.
    pub fn candidates(&self) -> usize {
        self.candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_answer_each_other_in_both_directions() {
        let pictures = ["cat", "dog", "cat", "cow"];
        let captions = ["cow", "cat", "dog"];
        let positives = Positives::by_group(&captions, &pictures).expect("every caption has a picture");
        assert_eq!(positives.of(1), [0, 2]);
        assert_eq!(positives.transposed(), Positives::by_group(&pictures, &captions));
        assert!(positives.contains(1, 2) && !positives.contains(1, 1));
    }

    #[test]
    fn a_query_without_an_answer_is_named() {
        assert_eq!(Positives::by_group(&[1, 5], &[1, 2]), Err(EvalError::NoPositive { query: 1 }));
        assert_eq!(
            Positives::from_lists(vec![vec![0], vec![3, 1]], 3),
            Err(EvalError::OutOfRange { what: "right answer", index: 3, len: 3 })
        );
        let lonely = Positives::from_lists(vec![vec![0]], 2).expect("valid");
        assert_eq!(lonely.transposed(), Err(EvalError::NoPositive { query: 1 }));
    }
}
