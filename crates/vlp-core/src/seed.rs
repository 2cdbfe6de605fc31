/// Joins a seed with a counter into a new seed, so that randomness is a function of (seed, step).
///
/// Neighbouring counters give unrelated seeds (two rounds of the SplitMix64 finaliser).
///
/// ```
/// assert_eq!(vlp_core::mix(7, 3), vlp_core::mix(7, 3));
/// assert_ne!(vlp_core::mix(7, 3), vlp_core::mix(3, 7));
/// ```
pub fn mix(seed: u64, counter: u64) -> u64 {
    finalise(finalise(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_add(counter))
}

fn finalise(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn neighbouring_counters_share_no_seed() {
        let seeds: std::collections::HashSet<u64> =
            (0..100).flat_map(|seed| (0..100).map(move |step| mix(seed, step))).collect();
        assert_eq!(seeds.len(), 10_000);
    }
}
