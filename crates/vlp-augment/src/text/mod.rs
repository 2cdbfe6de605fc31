//! Operations on captions, one a file.

mod caption_sampling;
mod identity;
mod keyword_shuffle;
mod one_of;
mod random_deletion;
mod random_insertion;
mod random_swap;
mod remove_stop_words;
mod stop_words;
mod synonym_replacement;
mod synonyms;
mod word_tokenize;

pub use caption_sampling::CaptionSampling;
pub use identity::Identity;
pub use keyword_shuffle::KeywordShuffle;
pub use one_of::OneOf;
pub use random_deletion::RandomDeletion;
pub use random_insertion::RandomInsertion;
pub use random_swap::RandomSwap;
pub use remove_stop_words::RemoveStopWords;
pub use stop_words::{STOP_WORDS, is_stop_word};
pub use synonym_replacement::SynonymReplacement;
pub use synonyms::Synonyms;
pub use word_tokenize::word_tokenize;
