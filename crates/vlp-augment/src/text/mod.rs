//! Operations on captions, one a file.

mod identity;
mod keyword_shuffle;
mod one_of;
mod random_deletion;
mod random_swap;

pub use identity::Identity;
pub use keyword_shuffle::KeywordShuffle;
pub use one_of::OneOf;
pub use random_deletion::RandomDeletion;
pub use random_swap::RandomSwap;
