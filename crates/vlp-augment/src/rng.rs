use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The random stream of one view of one sample in one epoch.
///
/// A counter-based generator (ChaCha with 8 rounds) whose key *is* (seed, epoch, index, view), so nothing has to be
/// replayed or saved: any worker can make any view at any time. The distributions are written out here instead of
/// taken from a crate, so that the numbers never change under an upgrade.
///
/// ```
/// use vlp_augment::SampleRng;
///
/// let draw = |view| SampleRng::new(42, 0, 7, view).uniform();
/// assert_eq!(draw(0), draw(0));
/// assert_ne!(draw(0), draw(1));
/// ```
#[derive(Debug, Clone)]
pub struct SampleRng {
    chacha: ChaCha8Rng,
}

impl SampleRng {
    /// The stream of view `view` of sample `index` in epoch `epoch` of the run with this seed.
    pub fn new(seed: u64, epoch: u64, index: u64, view: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.as_chunks_mut::<8>().0.iter_mut().zip([seed, epoch, index, view]) {
            *bytes = word.to_le_bytes();
        }
        Self { chacha: ChaCha8Rng::from_seed(key) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// Uniform between `low` and `high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in `0..n`, each equally likely; 0 when `n` is 0 or 1.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n <= 1 {
            return 0;
        }
        // Lemire (2019), "Fast random integer generation in an interval": multiply, and reject the few low parts
        // that would make some results more likely.
        let reject_below = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= reject_below {
                return (product >> 64) as usize;
            }
        }
    }

    /// True with this probability; a draw is used up in any case.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Puts the items into a uniformly random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
