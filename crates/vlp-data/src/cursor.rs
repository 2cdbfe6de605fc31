use serde::{Deserialize, Serialize};

use crate::DataError;

/// Where a stream of batches stands: all that is needed to continue it identically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Seed of order and augmentations.
    pub seed: u64,
    /// Number of samples of the dataset, to notice that it is another one.
    pub samples: u64,
    /// The epoch being read.
    pub epoch: u64,
    /// Positions of that epoch that are read already.
    pub taken: u64,
    /// Samples read but put off to a later batch, as (epoch, index), in the order they will be considered.
    pub deferred: Vec<(u64, u64)>,
}

impl Cursor {
    /// The beginning of a run.
    pub fn start(seed: u64, samples: u64) -> Self {
        Self { seed, samples, epoch: 0, taken: 0, deferred: Vec::new() }
    }

    /// Refuses the cursor of another seed or dataset.
    pub(crate) fn check(&self, seed: u64, samples: u64) -> Result<(), DataError> {
        let place = self.taken < samples && self.deferred.iter().all(|&(_, index)| index < samples);
        if self.seed != seed || self.samples != samples || !place {
            return Err(DataError::ForeignCursor {
                seed,
                samples,
                cursor_seed: self.seed,
                cursor_samples: self.samples,
            });
        }
        Ok(())
    }

    /// Counts one more position as read.
    pub(crate) fn advance(&mut self) {
        self.taken += 1;
        if self.taken >= self.samples {
            self.taken = 0;
            self.epoch += 1;
        }
    }

    /// (epoch, position) of the sample that comes `ahead` positions later.
    pub(crate) fn ahead(&self, ahead: u64) -> (u64, u64) {
        let position = self.taken + ahead;
        (self.epoch + position / self.samples, position % self.samples)
    }
}
