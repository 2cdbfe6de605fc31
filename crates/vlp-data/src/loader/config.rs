use std::time::Duration;

use vlp_augment::CaptionSampling;

use super::{SkipLimit, threads};
use crate::{DataError, Rank, Sampling};

/// Most samples of a batch: thirty times the largest that contrastive pre-training has been published with.
const MOST_SAMPLES: usize = 1 << 20;

/// Most batches kept ready.
const MOST_BATCHES: usize = 1 << 12;

/// How batches are made.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderConfig {
    /// Samples in a batch, at most 1,048,576; with ranks, in the part of each rank.
    pub batch_size: usize,
    /// Seed of order and augmentations.
    pub seed: u64,
    /// In which order samples come.
    pub sampling: Sampling,
    /// Threads that read, decode and augment, at most 1,024. Does not change what comes out.
    pub workers: usize,
    /// Finished batches kept ready.
    pub prefetch: usize,
    /// Field whose values may occur only once in a batch, so that no two rows describe the same thing: one of the metadata, `picture` or
    /// `caption`, or what the source calls the columns of these.
    ///
    /// A sample whose value is in the batch already is put off and considered first for the next one. Where eight of one value wait,
    /// further ones are passed over until the next epoch, and counted in [`HostBatch::passed_over`](crate::HostBatch): of a value that
    /// half of the data have, not all can be seen in batches that may hold it once. Samples without the field are never put off.
    pub distinct_by: Option<String>,
    /// How much damage is too much.
    pub skip_limit: SkipLimit,
    /// Whether all views of a picture with several captions share the one that is drawn for the visit, or each draws its own.
    pub captions: CaptionSampling,
    /// Which of several cooperating processes this is. Batch k of rank r holds rows `r * batch_size` on of the k-th *global*
    /// batch, so that the stream of global batches is the same for any number of ranks with the same global batch size.
    ///
    /// So that every rank knows its rows without asking others, the place of a damaged sample is taken by another one, drawn by
    /// (seed, epoch, place). Without ranks the stream closes up instead, and an epoch shows every good sample once.
    pub rank: Option<Rank>,
    /// Ends in an error when no sample was finished for so long.
    pub stall_after: Duration,
}

impl LoaderConfig {
    /// Batches of this size with this seed: one worker for each core, two batches ahead, no distinct field.
    pub fn new(batch_size: usize, seed: u64) -> Self {
        Self {
            batch_size,
            seed,
            sampling: Sampling::default(),
            workers: std::thread::available_parallelism().map_or(1, Into::into),
            prefetch: 2,
            distinct_by: None,
            skip_limit: SkipLimit::default(),
            captions: CaptionSampling::default(),
            rank: None,
            stall_after: Duration::from_secs(300),
        }
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        let wrong = |option, value: usize| Err(DataError::Option { option, value });
        if let Some(rank) = self.rank {
            rank.check()?;
            if self.distinct_by.is_some() {
                return Err(DataError::DistinctAcrossRanks);
            }
        }
        match (self.batch_size, self.workers) {
            (0, _) => return wrong("batch_size", 0),
            (_, 0) => return wrong("workers", 0),
            _ => {}
        }
        // Whatever a batch holds, these make room for it before the first sample is read.
        let bounds = [
            ("batch_size", self.batch_size, MOST_SAMPLES),
            ("workers", self.workers, threads::MOST_WORKERS),
            ("prefetch", self.prefetch, MOST_BATCHES),
        ];
        match bounds.into_iter().find(|&(_, value, most)| value > most) {
            Some((option, value, most)) => Err(DataError::OptionTooLarge { option, value, most }),
            None => Ok(()),
        }
    }

    /// Positions that a global batch takes up where ranks share it; none where the stream closes up.
    pub(super) fn global_batch(&self) -> Option<u64> {
        self.rank.map(|rank| (rank.of * self.batch_size) as u64)
    }
}
