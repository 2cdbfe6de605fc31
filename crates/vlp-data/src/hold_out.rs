//! A share of a dataset kept apart from training.

use std::sync::Arc;

use crate::content_hash::content_hash;
use crate::source::{ColumnRole, Picture, Source};
use crate::{Annotation, Damage, DataError, Dataset, Fetched, LeftOut, Tally};

impl Dataset {
    /// Parts the samples into those to train on and a share held out, by a hash of their keys: all samples of one picture are on the same
    /// side, whatever their order and number, and rows that come later move none. Takes a bit a sample.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), vlp_data::DataError> {
    /// let (training, held_out) = vlp_data::Dataset::from_path("own.csv", vlp_data::Limits::default())?.hold_out(0.05)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the share is not between 0 and 1, or leaves one side without samples.
    pub fn hold_out(self, share: f64) -> Result<(Self, Self), DataError> {
        let samples = self.len();
        let refused = |held_out| DataError::HoldOut { share, samples, held_out };
        if !(share > 0.0 && share < 1.0) {
            return Err(refused(0));
        }
        // Exact enough: a double has 53 bits.
        let below = (share * (1u64 << 53) as f64) as u64;
        let sides = self.split_parts(|source| {
            let side = |index| source.key(index).is_ok_and(|key| content_hash(key.as_bytes()) >> 11 < below);
            let chosen = Arc::new(Bits::new(source.len(), side));
            [false, true].map(|side| Subset::new(Arc::clone(source), Arc::clone(&chosen), side))
        });
        match sides {
            (Some(training), Some(held_out)) => Ok((training, held_out)),
            (None, _) => Err(refused(samples)),
            (_, None) => Err(refused(0)),
        }
    }
}

/// The samples of a source on one side.
#[derive(Debug)]
pub(crate) struct Subset {
    source: Arc<dyn Source>,
    chosen: Arc<Bits>,
    side: bool,
}

impl Subset {
    fn new(source: Arc<dyn Source>, chosen: Arc<Bits>, side: bool) -> Self {
        Self { source, chosen, side }
    }

    fn place(&self, index: usize) -> Result<usize, Damage> {
        let missing = || Damage::Io(format!("there is no sample {index} of {}", self.len()));
        self.chosen.select(index, self.side).ok_or_else(missing)
    }
}

impl Source for Subset {
    fn len(&self) -> usize {
        self.chosen.count(self.side)
    }

    fn name(&self, index: usize) -> String {
        let missing = |_| format!("sample {index} of {}", self.len());
        self.place(index).map_or_else(missing, |place| self.source.name(place))
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        self.source.annotation(self.place(index)?)
    }

    fn picture(&self, index: usize) -> Result<Picture, Damage> {
        self.source.picture(self.place(index)?)
    }

    fn tally(&self) -> &Tally {
        self.source.tally()
    }

    fn warnings(&self) -> &[String] {
        self.source.warnings()
    }

    fn left_out(&self) -> LeftOut {
        self.source.left_out()
    }

    fn key(&self, index: usize) -> Result<String, Damage> {
        self.source.key(self.place(index)?)
    }

    fn role(&self, column: &str) -> Option<ColumnRole> {
        self.source.role(column)
    }

    fn groups(&self) -> Vec<usize> {
        let mut begin = 0;
        let of = |length: usize| {
            let before = self.chosen.rank(begin, self.side);
            begin += length;
            self.chosen.rank(begin, self.side) - before
        };
        self.source.groups().into_iter().map(of).collect()
    }

    fn soon(&self, index: usize) {
        if let Ok(place) = self.place(index) {
            self.source.soon(place);
        }
    }

    fn fetched(&self) -> Option<Fetched> {
        self.source.fetched()
    }
}

/// A bit for each sample, and how many are set before each block of them.
#[derive(Debug)]
struct Bits {
    words: Vec<u64>,
    before: Vec<usize>,
    length: usize,
    set: usize,
}

/// Words of a block.
const BLOCK: usize = 8;

impl Bits {
    fn new(length: usize, mut bit: impl FnMut(usize) -> bool) -> Self {
        let mut words = vec![0u64; length.div_ceil(64)];
        for index in 0..length {
            words[index / 64] |= u64::from(bit(index)) << (index % 64);
        }
        let mut set = 0;
        let mut before = Vec::with_capacity(words.len().div_ceil(BLOCK));
        for block in words.chunks(BLOCK) {
            before.push(set);
            set += block.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        }
        Self { words, before, length, set }
    }

    fn count(&self, side: bool) -> usize {
        if side { self.set } else { self.length - self.set }
    }

    /// How many bits of this side there are before a place.
    fn rank(&self, place: usize, side: bool) -> usize {
        let place = place.min(self.length);
        let (word, bit) = (place / 64, place % 64);
        let block = word / BLOCK;
        let whole =
            self.words[(block * BLOCK).min(self.words.len())..word].iter().map(|word| word.count_ones() as usize);
        let rest = if bit == 0 { 0 } else { (self.words[word] & ((1 << bit) - 1)).count_ones() as usize };
        let set = self.before.get(block).copied().unwrap_or(self.set) + whole.sum::<usize>() + rest;
        if side { set } else { place - set }
    }

    /// The place of a bit of this side.
    fn select(&self, number: usize, side: bool) -> Option<usize> {
        if number >= self.count(side) {
            return None;
        }
        let before = |block: usize| match side {
            true => self.before[block],
            false => block * BLOCK * 64 - self.before[block],
        };
        // The last block that begins with no more than these.
        let (mut low, mut high) = (0, self.before.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if before(middle) <= number { low = middle } else { high = middle }
        }
        let mut left = number - before(low);
        for (word, &bits) in self.words.iter().enumerate().skip(low * BLOCK) {
            let mut bits = if side { bits } else { !bits };
            let here = bits.count_ones() as usize;
            if left >= here {
                left -= here;
                continue;
            }
            for _ in 0..left {
                bits &= bits - 1;
            }
            return Some(word * 64 + bits.trailing_zeros() as usize);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn ranks_and_places_agree_with_counting() {
        for (length, bit) in [
            (1, (|_| true) as fn(usize) -> bool),
            (64, |index| index % 3 == 0),
            (1025, |index| index % 7 == 2),
            (5000, |index| index > 2000 && index % 5 < 2),
            (512, |_| false),
        ] {
            let bits = Bits::new(length, bit);
            for side in [false, true] {
                let places: Vec<usize> = (0..length).filter(|&index| bit(index) == side).collect();
                assert_eq!(bits.count(side), places.len());
                for (number, &place) in places.iter().enumerate() {
                    assert_eq!((bits.select(number, side), bits.rank(place, side)), (Some(place), number), "{length}");
                }
                assert_eq!(bits.select(places.len(), side), None);
                assert_eq!(bits.rank(length, side), places.len());
            }
        }
    }
}
