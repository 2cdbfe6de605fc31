use std::sync::Arc;

use vlp_augment::Image;

use crate::views::Key;
use crate::{Damage, Dataset, TokenIds, Tokenizer, Views};

/// What every worker needs to turn an index into a row of a batch.
#[derive(Debug)]
pub(super) struct Preparation {
    pub(super) dataset: Arc<Dataset>,
    pub(super) tokenizer: Arc<dyn Tokenizer>,
    pub(super) views: Views,
    pub(super) seed: u64,
    pub(super) distinct_by: Option<String>,
}

/// A sample ready to be put into a batch.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) visit: (u64, u64),
    pub(super) key: String,
    /// The value that may occur once in a batch.
    pub(super) distinct: Option<String>,
    /// All views, the weak one first.
    pub(super) views: Vec<(Image, TokenIds)>,
}

impl Preparation {
    /// Reads, decodes, augments and tokenises the sample `index` for its visit in `epoch`.
    pub(super) fn prepare(&self, epoch: u64, index: u64) -> Result<Prepared, Damage> {
        let sample = self.dataset.sample(index as usize)?;
        let annotation = sample.annotation;
        let distinct = self.distinct_by.as_deref().and_then(|field| {
            let value = annotation.metadata.get(field)?;
            // Numbers and other values count by how they are written.
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        let key = Key { seed: self.seed, epoch, index };
        let views = self.views.apply(sample.image, &annotation.caption, key);
        Ok(Prepared {
            visit: (epoch, index),
            key: annotation.key,
            distinct,
            views: views.into_iter().map(|(image, caption)| (image, self.tokenizer.encode(&caption))).collect(),
        })
    }
}
