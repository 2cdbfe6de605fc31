use crate::{SampleRng, TextTransform};

/// Keeps the label of a tag caption and a random part of its keywords, in a random order.
///
/// For captions of the form `label: a, b, c`, whose keywords are a set written as a list; captions of another form
/// stay. This is an augmentation of this project for tag captions, not a published one.
///
/// ```
/// use vlp_augment::{KeywordShuffle, SampleRng, TextTransform};
///
/// let caption = "red apple: fruit, food, healthy".to_owned();
/// let view = KeywordShuffle { at_least: 2 }.apply(caption, &mut SampleRng::new(0, 0, 0, 0));
/// assert!(view.starts_with("red apple: ") && view.contains(", "));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeywordShuffle {
    /// Fewest keywords to keep; how many is uniform between this and all of them. With none left, the label stands alone.
    pub at_least: usize,
}

impl TextTransform for KeywordShuffle {
    fn apply(&self, text: String, rng: &mut SampleRng) -> String {
        let Some((label, list)) = text.split_once(": ") else {
            return text;
        };
        let mut keywords: Vec<&str> = list.split(", ").collect();
        let fewest = self.at_least.min(keywords.len());
        let kept = fewest + rng.below(keywords.len() - fewest + 1);
        rng.shuffle(&mut keywords);
        if kept == 0 {
            return label.to_owned();
        }
        format!("{label}: {}", keywords[..kept].join(", "))
    }
}
