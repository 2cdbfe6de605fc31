//! Every bad file is refused for the right reason and at little cost, every good one accepted.

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use tempfile::tempdir;
use vlp_data::{Limits, LoaderConfig, SkipLimit, decode};
use vlp_testkit::corpus::{Case, pictures};
use vlp_testkit::shards::ShardBuilder;

#[global_allocator]
static PEAK: PeakAlloc = PeakAlloc;

fn corpus() -> Vec<Case> {
    pictures(include_bytes!("golden/images/baseline.jpg"))
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn bad_pictures_are_refused_cheaply_and_good_ones_accepted_alone_and_in_a_shard() {
    for case in corpus() {
        let before = PEAK.current_usage();
        PEAK.reset_peak_usage();
        let start = Instant::now();
        let kind = decode(&case.bytes, &Limits::default()).map(drop).map_err(|damage| damage.kind().name()).err();
        let (took, peak) = (start.elapsed(), PEAK.peak_usage().saturating_sub(before));
        assert_eq!(kind, case.damage, "{}", case.name);
        if kind == Some("dimensions") {
            // The header is enough. Without a limit the largest would take 7.5 GB.
            assert!(peak < 1 << 20, "{}: {peak} bytes at the peak", case.name);
            assert!(took < Duration::from_millis(50), "{}: {took:?}", case.name);
        }
        assert!(peak < 4 << 20, "{}: {peak} bytes at the peak for a picture of a few kilobytes", case.name);
    }

    let directory = tempdir().unwrap();
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut shard = ShardBuilder::new();
    let cases = corpus();
    for (number, case) in cases.iter().enumerate() {
        let key = format!("{number:03}");
        shard = shard.member(&format!("{key}.png"), &case.bytes).member(&format!("{key}.txt"), case.name.as_bytes());
        if let Some(damage) = case.damage {
            *wanted.entry(damage).or_default() += 1;
        }
    }
    shard.write(directory.path(), "train-0.tar");
    let good = cases.iter().filter(|case| case.damage.is_none()).count();
    let skip_limit = SkipLimit { rate: 1.0, ..SkipLimit::default() };
    let config = LoaderConfig { workers: 2, skip_limit, ..LoaderConfig::new(good, 0) };
    let mut loader = common::loader(&common::open(directory.path()), config);
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    // The second batch reads on over the damaged samples at the end of the first epoch.
    let first_epoch =
        common::batches(&mut loader, 2).into_iter().flat_map(|batch| batch.skipped).take(cases.len() - good);
    for (_, damage) in first_epoch {
        *counted.entry(damage.kind().name()).or_default() += 1;
    }
    assert_eq!(counted, wanted);
}
