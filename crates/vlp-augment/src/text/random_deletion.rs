use crate::{SampleRng, TextTransform};

/// Drops each word with a probability (EDA, Wei and Zou 2019).
///
/// A caption of one word stays; when every word would go, a random one stays. Words are what white space separates;
/// one space joins them again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomDeletion {
    /// How likely a word is to be dropped.
    pub probability: f64,
}

impl Default for RandomDeletion {
    /// 0.1, as EDA and CLIP-rocket have it.
    fn default() -> Self {
        Self { probability: 0.1 }
    }
}

impl TextTransform for RandomDeletion {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() < 2 {
            return text;
        }
        let kept: Vec<&str> = words.iter().copied().filter(|_| !rng.chance(self.probability)).collect();
        if kept.is_empty() {
            return words[rng.below(words.len())].to_owned();
        }
        kept.join(" ")
    }
}
