use std::sync::Arc;

use super::Synonyms;
use crate::{SampleRng, TextTransform};

/// Puts a synonym of a random word before a random word (EDA, Wei and Zou 2019). CLIP-rocket does not use it.
///
/// The word is drawn up to ten times until it has synonyms; else nothing is put in. Of the synonyms the alphabetically
/// first is taken, as the reference implementation takes the first. Words are what white space separates; one space joins
/// them again.
#[derive(Debug, Clone)]
pub struct RandomInsertion {
    words: usize,
    synonyms: Arc<Synonyms>,
}

impl RandomInsertion {
    /// Puts in `words` words, one after the other; 1 is usual.
    pub fn new(words: usize, synonyms: Arc<Synonyms>) -> Self {
        Self { words, synonyms }
    }
}

impl TextTransform for RandomInsertion {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return text;
        }
        for _ in 0..self.words {
            let draw =
                (0..10).map(|_| self.synonyms.of(&words[rng.below(words.len())])).find(|found| !found.is_empty());
            if let Some(synonym) = draw.and_then(|found| found.into_iter().next()) {
                words.insert(rng.below(words.len()), synonym);
            }
        }
        words.join(" ")
    }
}
