use std::sync::{Arc, Mutex, PoisonError};

use crate::order::mix;
use crate::{DataError, Dataset, Order, Sampling};

/// Which sample stands at which position of which epoch.
///
/// Positions are mapped to *slots*, and slots to samples: a sample of weight 3 has three slots, so that its three visits in an
/// epoch draw different augmentations.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
    sampling: Sampling,
    parts: Vec<PlanPart>,
    slots: u64,
    groups: Vec<u64>,
    /// The windows of the epochs last asked for: two, where one ends.
    windows: Mutex<Vec<(u64, Arc<Windows>)>>,
}

#[derive(Debug)]
struct PlanPart {
    first_sample: u64,
    samples: u64,
    first_slot: u64,
    slots: u64,
    /// Share of the draws up to and with this part.
    share_up_to: f64,
}

impl Plan {
    pub(crate) fn new(dataset: &Dataset, seed: u64, sampling: Sampling) -> Result<Self, DataError> {
        dataset.check(sampling)?;
        let weights = dataset.weights();
        let total: f64 = weights.iter().map(|&(samples, weight)| samples as f64 * weight).sum();
        let (mut parts, mut first_sample, mut slots, mut share) = (Vec::new(), 0, 0, 0.0);
        for (samples, weight) in weights {
            let part_slots = ((samples as f64 * weight).round() as u64).max(1);
            share += samples as f64 * weight / total;
            let samples = samples as u64;
            parts.push(PlanPart { first_sample, samples, first_slot: slots, slots: part_slots, share_up_to: share });
            first_sample += samples;
            slots += part_slots;
        }
        let groups = match sampling {
            Sampling::Windows { shards: 0 } => return Err(DataError::Option { option: "sampling.shards", value: 0 }),
            Sampling::Windows { .. } if slots != first_sample => return Err(DataError::WeightedWindows),
            Sampling::InOrder if slots != first_sample => Vec::new(),
            Sampling::Windows { .. } | Sampling::InOrder => {
                dataset.groups().into_iter().map(|length| length as u64).collect()
            }
            _ => Vec::new(),
        };
        Ok(Self { seed, sampling, parts, slots, groups, windows: Mutex::default() })
    }

    /// Positions of an epoch.
    pub(crate) fn slots(&self) -> u64 {
        self.slots
    }

    pub(crate) fn slot(&self, epoch: u64, position: u64) -> u64 {
        match self.sampling {
            Sampling::Shuffled => Order::new(self.seed, epoch, self.slots).index(position),
            Sampling::InOrder | Sampling::Resampled => position,
            Sampling::Windows { shards } => self.windows(epoch, shards as usize).sample(self.seed, epoch, position),
        }
    }

    /// A sample of the shard that is read as many shards after that of this position as are read together; none where
    /// the order knows no shards.
    pub(crate) fn soon(&self, epoch: u64, position: u64) -> Option<usize> {
        let ahead = match self.sampling {
            Sampling::Windows { shards } => u64::from(shards),
            Sampling::InOrder if !self.groups.is_empty() => 1,
            _ => return None,
        };
        let windows = |epoch| self.windows(epoch, ahead as usize);
        let here = windows(epoch);
        let shard = here.shard(position) as u64 + ahead;
        let (epochs, shard) = (shard / self.groups.len() as u64, shard % self.groups.len() as u64);
        let there = if epochs == 0 { here } else { windows(epoch + epochs) };
        Some(there.shards[shard as usize].1 as usize)
    }

    pub(crate) fn index(&self, epoch: u64, slot: u64) -> usize {
        if self.sampling == Sampling::Resampled {
            return self.draw(self.seed, epoch, slot) as usize;
        }
        let behind = self.parts.partition_point(|part| part.first_slot <= slot);
        let part = &self.parts[behind.saturating_sub(1)];
        // With a fractional weight another part of the samples has its turn in each epoch.
        let turn = epoch.wrapping_mul(part.slots % part.samples) % part.samples;
        (part.first_sample + (slot - part.first_slot + turn) % part.samples) as usize
    }

    /// The sample that takes the place of a damaged one.
    pub(crate) fn substitute(&self, epoch: u64, slot: u64, attempt: u64) -> usize {
        self.draw(mix(self.seed ^ 0x5ab5_717d).wrapping_add(attempt), epoch, slot) as usize
    }

    /// A sample by weight.
    fn draw(&self, seed: u64, epoch: u64, slot: u64) -> u64 {
        let first = mix(mix(mix(seed).wrapping_add(epoch)).wrapping_add(slot));
        // 53 bits make every double between 0 and 1 with that spacing.
        let uniform = (first >> 11) as f64 / (1u64 << 53) as f64;
        let at = self.parts.partition_point(|part| part.share_up_to <= uniform).min(self.parts.len() - 1);
        let part = &self.parts[at];
        // The high half of a product is an unbiased enough remainder: off by less than samples / 2^64.
        let within = (u128::from(mix(first)) * u128::from(part.samples)) >> 64;
        part.first_sample + within as u64
    }

    fn windows(&self, epoch: u64, shards: usize) -> Arc<Windows> {
        let mut known = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, windows)) = known.iter().find(|(of, _)| *of == epoch) {
            return Arc::clone(windows);
        }
        // Another stream than that of the samples.
        let order = Order::new(mix(self.seed ^ 0x57a2_d5ed), epoch, self.groups.len() as u64);
        let order = |position| if self.sampling == Sampling::InOrder { position } else { order.index(position) };
        let windows = Arc::new(Windows::new(order, &self.groups, shards));
        if known.len() == 2 {
            known.remove(0);
        }
        known.push((epoch, Arc::clone(&windows)));
        windows
    }
}

/// The shards of one epoch in their order, cut into windows.
#[derive(Debug)]
struct Windows {
    /// For each shard in order: position and sample it begins with.
    shards: Vec<(u64, u64)>,
    per_window: usize,
    samples: u64,
}

impl Windows {
    fn new(order: impl Fn(u64) -> u64, groups: &[u64], per_window: usize) -> Self {
        let first_samples: Vec<u64> = groups.iter().scan(0, |sum, &n| Some(std::mem::replace(sum, *sum + n))).collect();
        let mut samples = 0;
        let mut shards = Vec::with_capacity(groups.len());
        for number in (0..groups.len() as u64).map(|position| order(position) as usize) {
            shards.push((samples, first_samples[number]));
            samples += groups[number];
        }
        Self { shards, per_window, samples }
    }

    /// Which shard, counted in their order, a position lies in.
    fn shard(&self, position: u64) -> usize {
        // Of several shards at one position all but the last are empty.
        self.shards.partition_point(|&(begin, _)| begin <= position) - 1
    }

    fn sample(&self, seed: u64, epoch: u64, position: u64) -> u64 {
        let shard = self.shard(position);
        let first = shard / self.per_window * self.per_window;
        let begin = self.shards[first].0;
        let end = self.shards.get(first + self.per_window).map_or(self.samples, |&(begin, _)| begin);
        let order = Order::new(mix(seed.wrapping_add(first as u64)), epoch, end - begin);
        let position = begin + order.index(position - begin);
        let shard = self.shard(position);
        let (begin, sample) = self.shards[shard];
        sample + position - begin
    }
}
