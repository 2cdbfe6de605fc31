use super::SkipLimit;
use crate::DataError;

/// How batches are made.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderConfig {
    /// Samples in a batch.
    pub batch_size: usize,
    /// Seed of order and augmentations.
    pub seed: u64,
    /// Threads that read, decode and augment. Does not change what comes out.
    pub workers: usize,
    /// Finished batches kept ready.
    pub prefetch: usize,
    /// Metadata field whose values may occur only once in a batch, so that no two rows describe the same thing.
    ///
    /// A sample whose value is in the batch already is put off and considered first for the next one. Samples without
    /// the field are never put off.
    pub distinct_by: Option<String>,
    /// How much damage is too much.
    pub skip_limit: SkipLimit,
}

impl LoaderConfig {
    /// Batches of this size with this seed: one worker for each core, two batches ahead, no distinct field.
    pub fn new(batch_size: usize, seed: u64) -> Self {
        Self {
            batch_size,
            seed,
            workers: std::thread::available_parallelism().map_or(1, Into::into),
            prefetch: 2,
            distinct_by: None,
            skip_limit: SkipLimit::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        let wrong = |option, value: usize| Err(DataError::Option { option, value });
        match (self.batch_size, self.workers) {
            (0, _) => wrong("batch_size", 0),
            (_, 0) => wrong("workers", 0),
            _ => Ok(()),
        }
    }
}
