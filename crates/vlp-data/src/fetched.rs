use std::path::PathBuf;

use crate::{DataError, Sampling};

/// What a source fetches from afar, and the cache it keeps that in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Directory of the cache.
    pub cache: PathBuf,
    /// Bytes that the cache may hold.
    pub room: u64,
    /// Bytes of all shards.
    pub total: u64,
    /// Bytes of the largest shard.
    pub largest: u64,
}

impl Fetched {
    /// The same cache with what another source keeps in it as well.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            room: self.room.min(other.room),
            total: self.total.saturating_add(other.total),
            largest: self.largest.max(other.largest),
            ..self
        }
    }

    /// Refuses an order that would fetch shards over and over.
    pub(crate) fn check(&self, sampling: Sampling) -> Result<(), DataError> {
        let Self { room, total, largest, .. } = *self;
        let at_once = match sampling {
            _ if total <= room => return Ok(()),
            // The shards of a window, and as many that are fetched ahead.
            Sampling::Windows { shards } => u64::from(shards) * 2,
            Sampling::InOrder => 2,
            Sampling::Shuffled | Sampling::Resampled => u64::MAX,
        };
        if at_once.saturating_mul(largest) <= room {
            return Ok(());
        }
        let remedy = match room / largest / 2 {
            0 => String::new(),
            fits => format!("`Sampling::Windows {{ shards: {fits} }}` fits, or "),
        };
        Err(DataError::CacheTooSmall { total, largest, room, sampling, remedy })
    }
}
