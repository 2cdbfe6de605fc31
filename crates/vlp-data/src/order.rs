/// The order of the samples in one epoch: a random permutation that is a function, not a list.
///
/// Position and sample are related by a keyed permutation of `0..2^(2h)`, the smallest such power not below the number
/// of samples, made of Feistel rounds; results beyond the samples are permuted again until one falls inside ("cycle
/// walking", Black and Rogaway 2002). So any position of any epoch is known at once, with nothing to store or replay.
///
/// ```
/// use vlp_data::Order;
///
/// let order = Order::new(42, 0, 1000);
/// let mut indices: Vec<u64> = (0..1000).map(|position| order.index(position)).collect();
/// indices.sort_unstable();
/// assert!(indices.into_iter().eq(0..1000));
/// ```
#[derive(Debug, Clone)]
pub struct Order {
    samples: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

/// Four suffice for a good permutation of large sets; small sets have short halves, which mix less in each round.
const ROUNDS: usize = 8;

impl Order {
    /// The order of `samples` samples in epoch `epoch` of the run with this seed.
    pub fn new(seed: u64, epoch: u64, samples: u64) -> Self {
        let bits = 64 - samples.saturating_sub(1).leading_zeros();
        let mut state = mix(mix(seed).wrapping_add(epoch));
        Self {
            samples,
            half_bits: bits.div_ceil(2).max(1),
            keys: std::array::from_fn(|_| {
                state = state.wrapping_add(GOLDEN);
                mix(state)
            }),
        }
    }

    /// The sample at a position; positions from the number of samples on wrap around, and with no samples it is 0.
    pub fn index(&self, position: u64) -> u64 {
        if self.samples <= 1 {
            return 0;
        }
        let mut index = self.permute(position % self.samples);
        // The domain is less than four times the samples, so this ends soon; that it ends at all, a cycle guarantees.
        while index >= self.samples {
            index = self.permute(index);
        }
        index
    }

    fn permute(&self, value: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(GOLDEN);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
