use vlp_augment::{SampleRng, TextTransform};

use crate::clip_clean::clean;

/// Cleans a caption before it is augmented, as CLIP's tokenizer does before it encodes: repairs, HTML unescaped twice, white
/// space collapsed, lower case (CLIP-rocket's `--clean-before-augment`). Draws nothing.
///
/// ```
/// use vlp_augment::{SampleRng, TextTransform};
/// use vlp_data::CleanCaption;
///
/// let caption = CleanCaption.apply("  A Cat &amp;amp;\n Dog ".to_owned(), &mut SampleRng::new(0, 0, 0, 0));
/// assert_eq!(caption, "a cat & dog");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanCaption;

impl TextTransform for CleanCaption {
    fn apply(&self, text: String, _rng: &mut SampleRng) -> String {
        clean(&text)
    }
}
