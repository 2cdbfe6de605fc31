use serde::{Deserialize, Serialize};

/// In which order the samples of an epoch come. Each is a function of (seed, epoch, position) that is known at any position
/// without replaying what came before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// A permutation of all samples, another one each epoch: full shuffling, reads at random places.
    #[default]
    Shuffled,
    /// As they lie in the sources.
    InOrder,
    /// Independent draws with replacement (open_clip's `--dataset-resampled`); an epoch is as long as the dataset.
    Resampled,
    /// Shards in a random order, and samples shuffled within so many neighbouring shards: what is far away is fetched once an epoch.
    Windows {
        /// Shards shuffled together; more shuffle better and need more room in a cache.
        shards: u32,
    },
}
