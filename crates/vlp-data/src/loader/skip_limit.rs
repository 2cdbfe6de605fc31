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
    seen: u64,
    /// When the damaged samples of the window were seen.
    damaged: VecDeque<u64>,
    tally: Tally,
}

impl SkipGauge {
    pub(super) fn new(limit: SkipLimit) -> Self {
        Self { limit, seen: 0, damaged: VecDeque::new(), tally: Tally::default() }
    }

    pub(super) fn good(&mut self) {
        self.seen += 1;
    }

    /// Counts a damaged sample; an error when there are too many now.
    pub(super) fn damaged(&mut self, name: &str, damage: &Damage) -> Result<(), DataError> {
        self.seen += 1;
        self.tally.add(damage.kind());
        self.damaged.push_back(self.seen);
        while self.damaged.front().is_some_and(|&at| at + self.limit.window <= self.seen) {
            self.damaged.pop_front();
        }
        let window = self.seen.min(self.limit.window);
        let too_many = self.damaged.len() as f64 > self.limit.rate * window as f64;
        if too_many && self.damaged.len() >= self.limit.at_least {
            if self.tally.total() == self.seen {
                return Err(DataError::NothingKept {
                    origin: "the loader".to_owned(),
                    read: self.seen,
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
