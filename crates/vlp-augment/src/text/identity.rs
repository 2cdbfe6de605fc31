use crate::{SampleRng, TextTransform};

/// Leaves the caption as it is. Draws nothing.
#[derive(Debug, Clone, Copy)]
pub struct Identity;

impl TextTransform for Identity {
    fn apply(&self, text: String, _rng: &mut SampleRng) -> String {
        text
    }
}
