use serde::{Deserialize, Serialize};

use crate::{DataError, Sampling};

/// Where a stream of batches stands: all that is needed to continue it identically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Seed of order and augmentations.
    pub seed: u64,
    /// In which order samples come.
    #[serde(default)]
    pub sampling: Sampling,
    /// Positions of an epoch, to notice that the dataset is another one.
    pub samples: u64,
    /// The dataset's [fingerprint](crate::Dataset::fingerprint), to notice other data with as many samples; 0 where it is not
    /// known.
    #[serde(default)]
    pub data: u64,
    /// The epoch being read.
    pub epoch: u64,
    /// Positions of that epoch that are read already.
    pub taken: u64,
    /// Samples read but put off to a later batch, as (epoch, index), in the order they will be considered.
    pub deferred: Vec<(u64, u64)>,
    /// Positions since the beginning of the run, of the last samples that were damaged, so that the damage that
    /// [`SkipLimit`](crate::SkipLimit) counts is not forgotten. Ranks, each of which sees other samples, leave it empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<u64>,
}

impl Cursor {
    /// The beginning of a run.
    pub fn start(seed: u64, samples: u64) -> Self {
        let (deferred, damaged) = (Vec::new(), Vec::new());
        Self { seed, sampling: Sampling::default(), samples, data: 0, epoch: 0, taken: 0, deferred, damaged }
    }

    /// Refuses the cursor of another seed, order or dataset than those of `own`.
    pub(crate) fn check(&self, own: &Self) -> Result<(), DataError> {
        let (seed, samples) = (own.seed, own.samples);
        let place = self.taken < samples && self.deferred.iter().all(|&(_, index)| index < samples);
        if self.seed != seed || self.samples != samples || self.sampling != own.sampling || !place {
            return Err(DataError::ForeignCursor {
                seed,
                samples,
                sampling: own.sampling,
                cursor_sampling: self.sampling,
                cursor_seed: self.seed,
                cursor_samples: self.samples,
            });
        }
        if self.data != own.data && self.data != 0 && own.data != 0 {
            return Err(DataError::OtherData { samples, cursor: self.data, data: own.data });
        }
        Ok(())
    }

    /// Positions read since the beginning.
    pub(crate) fn read(&self) -> u64 {
        self.epoch.saturating_mul(self.samples).saturating_add(self.taken)
    }

    /// Counts more positions as read.
    pub(crate) fn advance(&mut self, positions: u64) {
        (self.epoch, self.taken) = self.ahead(positions);
    }

    /// (epoch, position) of the sample that comes `ahead` positions later.
    pub(crate) fn ahead(&self, ahead: u64) -> (u64, u64) {
        let position = self.taken + ahead;
        (self.epoch + position / self.samples, position % self.samples)
    }
}
