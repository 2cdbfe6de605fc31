use crate::{TokenIds, Tokenizer};

/// A tokenizer that reads lower case without punctuation, as SigLIP's does.
///
/// Underscores become blanks, ASCII punctuation goes, letters become lower case, runs of blanks become one: open_clip 3.3.0's
/// `canonicalize_text`.
#[derive(Debug)]
pub struct CanonicalText<T> {
    tokenizer: T,
}

impl<T: Tokenizer> CanonicalText<T> {
    /// Puts the cleaning before `tokenizer`.
    pub fn new(tokenizer: T) -> Self {
        CanonicalText { tokenizer }
    }
}

/// A text as SigLIP's tokenizer is to see it.
fn canonical(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c == '_' { ' ' } else { c }).filter(|c| !c.is_ascii_punctuation()).collect();
    kept.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<T: Tokenizer> Tokenizer for CanonicalText<T> {
    fn vocab_size(&self) -> usize {
        self.tokenizer.vocab_size()
    }

    fn context_length(&self) -> usize {
        self.tokenizer.context_length()
    }

    fn end_id(&self) -> u32 {
        self.tokenizer.end_id()
    }

    fn encode(&self, text: &str) -> TokenIds {
        self.tokenizer.encode(&canonical(text))
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn punctuation_goes_and_blanks_are_joined() {
        assert_eq!(canonical("  A_photo, of:\ta \"Dog\"! "), "a photo of a dog");
        assert_eq!(canonical("..."), "");
    }
}
