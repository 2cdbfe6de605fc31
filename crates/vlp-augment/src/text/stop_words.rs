use std::collections::HashSet;
use std::sync::LazyLock;

/// The 198 English stop words of the Natural Language Toolkit, in alphabetical order, one a line.
///
/// The list is fixed here, so that captions do not change when a package does. Where it comes from, and that NLTK states no
/// licence for it, stands beside it in `data/english_stop_words.LICENSE`.
pub const STOP_WORDS: &str = include_str!("../../data/english_stop_words.txt");

/// Whether a lower-case word is on the list.
pub fn is_stop_word(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.lines().collect());
    SET.contains(word)
}
