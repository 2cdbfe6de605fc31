//! What a caption becomes before a text encoder reads it.

use std::fmt::Debug;

/// The ids of one caption, padded to the context length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenIds {
    /// Start id, words, end id, then the pad id: always [`Tokenizer::context_length`] entries.
    pub ids: Vec<u32>,
    /// True if the caption was longer than the context; its last id is then the end id.
    pub truncated: bool,
}

/// Turns captions into ids of a fixed vocabulary.
///
/// `encode` is pure: the same text gives the same ids on every thread, so that a tokenizer can be shared by the
/// loader's workers behind an [`Arc`](std::sync::Arc).
pub trait Tokenizer: Send + Sync + Debug {
    /// Number of ids, which is the number of rows an embedding table needs: every id is smaller.
    fn vocab_size(&self) -> usize;

    /// Number of ids every caption is padded or cut to, start and end included.
    fn context_length(&self) -> usize;

    /// The id that marks the end of the text, where text encoders read their summary.
    ///
    /// Pool at its *first* occurrence: the pad id may be the same id, and a caption may spell the marker out. In
    /// CLIP's vocabulary and in those trained by this crate's `train_tokenizer` example it is also the largest id,
    /// so the arg-max of a row finds it as well.
    fn end_id(&self) -> u32;

    /// The ids of one caption. Any text is accepted, also the empty one.
    fn encode(&self, text: &str) -> TokenIds;
}

/// Characters of a caption that are read at most, so that a hostile one costs little.
const MAX_CHARS: usize = 1 << 16;

/// The part of a caption that is read, and whether something was left out.
pub(crate) fn readable(text: &str) -> (&str, bool) {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}
