use vlp_augment::Image;

use crate::Metadata;

/// What is written beside a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Name of the sample in its shard: the member's path up to the first dot of the file name.
    pub key: String,
    /// The caption, trimmed, not empty.
    pub caption: String,
    /// Further captions of the same picture, each trimmed and not empty; none in most datasets.
    pub other_captions: Vec<String>,
    /// The other fields.
    pub metadata: Metadata,
}

/// A decoded picture with what is written beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The picture.
    pub image: Image,
    /// Key, caption and metadata.
    pub annotation: Annotation,
}
