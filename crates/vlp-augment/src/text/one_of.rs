use std::fmt;
use std::sync::Arc;

use crate::{SampleRng, TextTransform};

/// Applies exactly one of several text transforms, drawn by weight.
#[derive(Clone, Default)]
pub struct OneOf {
    choices: Vec<(f64, Arc<dyn TextTransform>)>,
}

impl OneOf {
    /// No choice yet: captions pass unchanged.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a choice. Weights need not add up to one; negative and NaN count as zero.
    #[must_use]
    pub fn or(mut self, weight: f64, transform: impl TextTransform + 'static) -> Self {
        self.choices.push((weight.max(0.0), Arc::new(transform)));
        self
    }
}

impl TextTransform for OneOf {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let total: f64 = self.choices.iter().map(|(weight, _)| weight).sum();
        let mut draw = rng.range(0.0, total);
        for (weight, transform) in &self.choices {
            if draw < *weight {
                return transform.apply(text, rng);
            }
            draw -= weight;
        }
        text
    }
}

impl fmt::Debug for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights: Vec<f64> = self.choices.iter().map(|(weight, _)| *weight).collect();
        write!(f, "OneOf(weights {weights:?})")
    }
}
