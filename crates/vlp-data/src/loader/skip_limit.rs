use std::collections::VecDeque;

use crate::{Damage, DataError, Tally};

/// How much damage ends a run: silence about rotten data is a fault too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkipLimit {
    /// Largest share of damaged samples among the last `window`.
    pub rate: f64,
    /// How many samples the share is taken of.
    pub window: u64,
    /// Fewer damaged samples than this never end a run.
    pub at_least: usize,
}

impl Default for SkipLimit {
    /// 1 % of the last 10,000 samples, and at least 100 of them.
    fn default() -> Self {
        Self { rate: 0.01, window: 10_000, at_least: 100 }
    }
}

/// Follows the damage of a stream.
#[derive(Debug)]
pub(super) struct SkipGauge {
    limit: SkipLimit,
    /// Samples looked at since the beginning of the stream.
    seen: u64,
    /// Good ones of them since this gauge is there.
    kept: u64,
    /// When the damaged samples of the window were seen.
    damaged: VecDeque<u64>,
    /// Since this gauge is there.
    tally: Tally,
}

impl SkipGauge {
    /// Goes on after `seen` samples, of which these were damaged.
    pub(super) fn new(limit: SkipLimit, seen: u64, damaged: &[u64]) -> Self {
        // They may come from a file that somebody has changed.
        let seen = seen.min(u64::MAX / 2);
        let damaged = damaged.iter().copied().filter(|&at| at <= seen).collect();
        Self { limit, seen, kept: 0, damaged, tally: Tally::default() }
    }

    /// When the last damaged samples were seen, as far back as the limit reaches.
    pub(super) fn recent(&self) -> Vec<u64> {
        self.damaged.iter().copied().filter(|&at| self.counts(at)).collect()
    }

    fn counts(&self, at: u64) -> bool {
        at.saturating_add(self.limit.window) > self.seen
    }

    /// The next samples are some that were counted before.
    pub(super) fn again(&mut self, samples: u64) {
        self.seen = self.seen.saturating_sub(samples);
    }

    pub(super) fn good(&mut self) {
        self.seen += 1;
        self.kept += 1;
    }

    /// Counts a damaged sample; an error when there are too many now.
    pub(super) fn damaged(&mut self, name: &str, damage: &Damage) -> Result<(), DataError> {
        self.seen += 1;
        self.tally.add(damage.kind());
        self.damaged.push_back(self.seen);
        while self.damaged.front().is_some_and(|&at| !self.counts(at)) {
            self.damaged.pop_front();
        }
        let window = self.seen.min(self.limit.window);
        let too_many = self.damaged.len() as f64 > self.limit.rate * window as f64;
        if too_many && self.damaged.len() >= self.limit.at_least {
            if self.kept == 0 {
                return Err(DataError::NothingKept {
                    origin: "the loader".to_owned(),
                    read: self.tally.total(),
                    kinds: self.tally.to_string(),
                    first: format!("The last: {name}: {damage}"),
                });
            }
            return Err(DataError::TooMuchDamage {
                damaged: self.damaged.len(),
                window,
                rate: self.limit.rate,
                kinds: self.tally.to_string(),
                last: format!("{name}: {damage}"),
            });
        }
        Ok(())
    }
}
