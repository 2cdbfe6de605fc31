use std::sync::Arc;

use super::{Synonyms, is_stop_word};
use crate::{SampleRng, TextTransform};

/// Replaces words by synonyms (EDA, Wei and Zou 2019, with CLIP-rocket's settings).
///
/// The caption's different words that are no stop words (as they are written, so `The` is none) are tried in a random
/// order; each that has a synonym is replaced wherever it stands by a random one, until enough are. Words are what white
/// space separates; one space joins them again.
#[derive(Debug, Clone)]
pub struct SynonymReplacement {
    words: usize,
    synonyms: Arc<Synonyms>,
}

impl SynonymReplacement {
    /// Replaces up to `words` different words; 1 in CLIP-rocket.
    pub fn new(words: usize, synonyms: Arc<Synonyms>) -> Self {
        Self { words, synonyms }
    }
}

impl TextTransform for SynonymReplacement {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        // Sorted, so that the order in memory decides nothing.
        let mut candidates: Vec<&str> = words.iter().copied().filter(|word| !is_stop_word(word)).collect();
        candidates.sort_unstable();
        candidates.dedup();
        rng.shuffle(&mut candidates);

        let mut replaced: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let with_synonyms = candidates.into_iter().map(|word| (word, self.synonyms.of(word)));
        for (word, synonyms) in with_synonyms.filter(|(_, synonyms)| !synonyms.is_empty()).take(self.words) {
            let synonym = &synonyms[rng.below(synonyms.len())];
            for target in replaced.iter_mut().filter(|target| *target == word) {
                target.clone_from(synonym);
            }
        }
        if replaced.is_empty() { text } else { replaced.join(" ") }
    }
}
