use crate::{SampleRng, TextTransform};

/// Swaps two random words once (EDA, Wei and Zou 2019, with CLIP-rocket's settings).
///
/// The second place is drawn up to three times until it differs from the first; else the caption stays. Words are what
/// white space separates; one space joins them again.
#[derive(Debug, Clone, Copy)]
pub struct RandomSwap;

impl TextTransform for RandomSwap {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        if words.len() < 2 {
            return text;
        }
        let first = rng.below(words.len());
        let second = (0..3).map(|_| rng.below(words.len())).find(|&second| second != first);
        if let Some(second) = second {
            words.swap(first, second);
        }
        words.join(" ")
    }
}
