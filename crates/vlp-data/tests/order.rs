//! The order of samples is a permutation, and looks random.

use proptest::prelude::*;
use vlp_data::Order;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn order_is_a_permutation(samples in 1u64..10_000, seed: u64, epoch: u64) {
        let order = Order::new(seed, epoch, samples);
        let mut seen = vec![false; samples as usize];
        for position in 0..samples {
            let index = order.index(position) as usize;
            prop_assert!(!seen[index], "{} comes twice", index);
            seen[index] = true;
        }
    }

    #[test]
    fn huge_datasets_have_an_order_too(seed: u64, samples in 1u64 << 33..1u64 << 40, position: u64) {
        prop_assert!(Order::new(seed, 0, samples).index(position) < samples);
    }
}

#[test]
fn epochs_and_seeds_have_different_orders() {
    let first = |seed, epoch| -> Vec<u64> {
        let order = Order::new(seed, epoch, 1000);
        (0..20).map(|position| order.index(position)).collect()
    };
    let orders = [first(0, 0), first(0, 1), first(1, 0), first(1, 1), first(2, 0)];
    for (i, order) in orders.iter().enumerate() {
        assert!(!orders[..i].contains(order));
    }
}

#[test]
fn the_order_never_changes_its_values() {
    let order = Order::new(7, 3, 4850);
    let first: Vec<u64> = (0..8).map(|position| order.index(position)).collect();
    assert_eq!(first, [4798, 205, 79, 3222, 3455, 3390, 3811, 3701]);
}

/// Every sample lands at every position about equally often, also in sets so small that the halves have two bits.
#[test]
fn positions_are_spread_evenly() {
    for samples in [5u64, 16, 37] {
        let epochs = 4000;
        let mut counts = vec![0u32; (samples * samples) as usize];
        for epoch in 0..epochs {
            let order = Order::new(11, epoch, samples);
            for position in 0..samples {
                counts[(position * samples + order.index(position)) as usize] += 1;
            }
        }
        let expected = epochs as f64 / samples as f64;
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
        let degrees = ((samples - 1) * (samples - 1)) as f64;
        // Five standard deviations of a chi-squared variable.
        assert!(chi < degrees + 5.0 * (2.0 * degrees).sqrt(), "{samples} samples: chi2 {chi}, {degrees} degrees");
    }
}

/// Neighbours in one epoch are not neighbours in storage order more often than chance has it.
#[test]
fn neighbours_do_not_stay_together() {
    let samples = 5000;
    let order = Order::new(1, 0, samples);
    let together = (1..samples).filter(|&p| order.index(p).abs_diff(order.index(p - 1)) == 1).count();
    // Two expected.
    assert!(together < 12, "{together}");
}
