use super::{is_stop_word, word_tokenize};
use crate::{SampleRng, TextTransform};

/// Drops English stop words, whatever their case, and joins what is left by single spaces. Draws nothing.
///
/// A caption of which nothing would be left stays as it is. Words are those of [`word_tokenize`], so that punctuation
/// stands apart afterwards: `"A cat, asleep."` becomes `"cat , asleep ."`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoveStopWords;

impl TextTransform for RemoveStopWords {
    fn apply(&self, text: String, _rng: &mut SampleRng) -> String {
        let mut words = word_tokenize(&text);
        words.retain(|word| !is_stop_word(&word.to_lowercase()));
        if words.is_empty() { text } else { words.join(" ") }
    }
}
