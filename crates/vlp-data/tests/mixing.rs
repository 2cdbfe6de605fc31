//! Patterns, mixtures and the orders of samples.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use common::{batches, loader};
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};
use vlp_data::{DataError, Dataset, HostBatch, Limits, LoaderConfig, Sampling, expand_braces};
use vlp_testkit::shards::shard;

/// The cases of open_clip's `test_num_shards`, and nested and stepped ones.
#[test]
fn patterns_stand_for_as_many_shards_as_in_open_clip() {
    for (pattern, count) in [
        ("/path/to/shard.tar", 1),
        ("/path/to/shard_{000..000}.tar", 1),
        ("/path/to/shard_{000..009}.tar", 10),
        ("/path/to/shard_{000..009}_{000..009}.tar", 100),
        ("/path/to/shard.tar::/path/to/other_shard_{000..009}.tar", 11),
        ("/path/to/shard_{000..009}.tar::/path/to/other_shard_{000..009}.tar", 20),
        // Its two cases of lists are patterns joined here.
        ("a.tar::b.tar", 2),
        ("{a,b}.tar", 2),
        ("{cc{00..09},sbu{0..4}}.tar", 15),
        ("{00..10..5}.tar", 3),
    ] {
        assert_eq!(expand_braces(pattern).unwrap().len(), count, "{pattern}");
    }
}

#[test]
fn names_come_in_the_order_a_shell_gives() {
    let names = |pattern| expand_braces(pattern).unwrap();
    assert_eq!(names("x{098..101}"), ["x098", "x099", "x100", "x101"]);
    assert_eq!(names("{3..1}"), ["3", "2", "1"]);
    assert_eq!(names("{-1..1}"), ["-1", "0", "1"]);
    assert_eq!(names("{a..c}{x,y}"), ["ax", "ay", "bx", "by", "cx", "cy"]);
    assert_eq!(names("{a,b{1,2}}z"), ["az", "b1z", "b2z"]);
    assert_eq!(names("{one}"), ["{one}"]);
    assert_eq!(names("{,x}y"), ["y", "xy"]);
    assert_eq!(names(""), [""]);
}

#[test]
fn malformed_and_endless_patterns_are_refused() {
    for pattern in
        ["a{0..9", "a}b", "{0..99999999999}", "{0..9999}{0..9999}", "{-9223372036854775808..9223372036854775807}"]
    {
        let error = expand_braces(pattern).unwrap_err();
        assert!(matches!(error, DataError::Pattern { .. }), "{pattern}: {error}");
    }
    assert!(expand_braces(&"{".repeat(1000)).is_err());
    assert!(expand_braces(&("{".repeat(1000) + &"}".repeat(1000))).is_err());
    let command = Dataset::tars("pipe:rm -rf x", Limits::default()).unwrap_err();
    assert!(command.to_string().contains("commands are never run"), "{command}");
    #[cfg(not(feature = "remote"))]
    {
        let remote = Dataset::tars("http://a/{0..1}.tar", Limits::default()).unwrap_err();
        assert!(remote.to_string().contains("build with it, or fetch them first"), "{remote}");
    }
}

proptest! {
    #[test]
    fn no_pattern_panics(pattern in "[a-c0-9{}.,:-]{0,24}") {
        let _ = expand_braces(&pattern);
    }
}

/// Two shards of 10 and 5 samples, as in open_clip's `test_wds`.
fn directory() -> TempDir {
    let directory = tempdir().unwrap();
    shard(0, 10, 10).write(directory.path(), "a.tar");
    shard(10, 5, 5).write(directory.path(), "b.tar");
    directory
}

fn patterns(directory: &TempDir) -> String {
    let path = directory.path().display();
    format!("{path}/a.tar::{path}/b.tar")
}

fn counts(batches: &[HostBatch]) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    for key in batches.iter().flat_map(|batch| &batch.keys) {
        *counts.entry(key.parse().unwrap()).or_default() += 1;
    }
    counts
}

/// open_clip's numbers: uniform 1/15; with weights 1::2 each sample 1/20 and 1/10, within 20 %.
#[test]
fn resampling_gives_open_clips_shares() {
    let directory = directory();
    let config = LoaderConfig { sampling: Sampling::Resampled, workers: 2, ..LoaderConfig::new(100, 3) };
    for (weights, shares) in
        [("1::1", [1.0 / 15.0, 1.0 / 15.0]), ("1::2", [1.0 / 20.0, 1.0 / 10.0]), ("5::10", [0.05, 0.1])]
    {
        let dataset = Arc::new(Dataset::weighted_tars(&patterns(&directory), weights, Limits::default()).unwrap());
        let drawn = counts(&batches(&mut loader(&dataset, config.clone()), 100));
        for sample in 0..15 {
            let (share, wanted) = (drawn[&sample] as f64 / 1e4, shares[usize::from(sample >= 10)]);
            // Five standard deviations of 10,000 draws are below 0.017; open_clip's own bound is 20 %.
            assert!((share / wanted - 1.0).abs() < 0.2, "{weights}, sample {sample}: {share} instead of {wanted}");
        }
    }
}

#[test]
fn without_replacement_a_weight_is_a_number_of_visits() {
    let directory = directory();
    let dataset = Arc::new(Dataset::weighted_tars(&patterns(&directory), "1::3", Limits::default()).unwrap());
    let epoch = batches(&mut loader(&dataset, LoaderConfig { workers: 2, ..LoaderConfig::new(25, 3) }), 2);
    for batch in epoch.chunks(1) {
        let seen = counts(batch);
        assert!((0..15).all(|sample| seen[&sample] == if sample < 10 { 1 } else { 3 }), "{seen:?}");
    }
    // Half of the samples in an epoch, the others in the next.
    let dataset = Arc::new(Dataset::weighted_tars(&patterns(&directory), "0.5::1", Limits::default()).unwrap());
    let epochs = batches(&mut loader(&dataset, LoaderConfig { workers: 2, ..LoaderConfig::new(10, 3) }), 2);
    let seen = counts(&epochs);
    assert!((0..15).all(|sample| seen[&sample] == if sample < 10 { 1 } else { 2 }), "{seen:?}");
}

#[test]
fn repeated_visits_draw_different_augmentations() {
    let directory = directory();
    let dataset = Arc::new(Dataset::weighted_tars(&patterns(&directory), "1::3", Limits::default()).unwrap());
    let batch = loader(&dataset, LoaderConfig::new(25, 3)).next_batch().unwrap();
    let rows: Vec<&[u8]> = batch.weak.images.pixels.chunks(8 * 8 * 3).collect();
    let of_twelve: Vec<usize> = (0..25).filter(|&row| batch.keys[row] == "000012").collect();
    assert_eq!(of_twelve.len(), 3);
    assert_ne!(rows[of_twelve[0]], rows[of_twelve[1]]);
}

#[test]
fn wrong_weights_are_refused() {
    let directory = directory();
    for weights in ["1", "1::x", "1::0", "1::-1", "1::nan", "1::inf", "1::2::3"] {
        let error = Dataset::weighted_tars(&patterns(&directory), weights, Limits::default()).unwrap_err();
        assert!(matches!(error, DataError::Pattern { .. }), "{weights}: {error}");
    }
    assert!(Dataset::mix([]).is_err());
}

/// Each order shows every sample once an epoch; windows keep the shards of a window together.
#[test]
fn every_order_without_replacement_is_a_permutation() {
    let directory = tempdir().unwrap();
    let lengths = [7, 1, 12, 4, 9, 3];
    let mut first = 0;
    for (number, length) in lengths.into_iter().enumerate() {
        shard(first, length, 50).write(directory.path(), &format!("train-{number}.tar"));
        first += length;
    }
    let dataset = common::open(directory.path());
    let windows = [1, 2, 3, 50].map(|shards| Sampling::Windows { shards });
    for sampling in [Sampling::Shuffled, Sampling::InOrder].into_iter().chain(windows) {
        let config = LoaderConfig { sampling, workers: 2, ..LoaderConfig::new(36, 5) };
        let epochs = batches(&mut loader(&dataset, config), 3);
        for batch in &epochs {
            assert_eq!(counts(std::slice::from_ref(batch)).len(), 36, "{sampling:?}");
        }
        assert_eq!(epochs[0].keys == epochs[1].keys, sampling == Sampling::InOrder, "{sampling:?}");
    }
    let config = LoaderConfig { sampling: Sampling::Windows { shards: 1 }, workers: 2, ..LoaderConfig::new(36, 5) };
    let keys = loader(&dataset, config).next_batch().unwrap().keys;
    let shards: Vec<usize> = keys
        .iter()
        .map(|key| {
            let sample: usize = key.parse().unwrap();
            (1..=6).find(|&n| lengths[..n].iter().sum::<usize>() > sample).unwrap()
        })
        .collect();
    let changes = shards.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 5, "each shard is read in one go: {shards:?}");
}

#[test]
fn windows_refuse_what_they_cannot_do() {
    let directory = directory();
    let weighted = Arc::new(Dataset::weighted_tars(&patterns(&directory), "1::3", Limits::default()).unwrap());
    let new = |sampling| {
        let config = LoaderConfig { sampling, ..LoaderConfig::new(4, 0) };
        vlp_data::Loader::new(Arc::clone(&weighted), Arc::new(common::Bytes), common::views(), config)
    };
    assert!(matches!(new(Sampling::Windows { shards: 2 }), Err(DataError::WeightedWindows)));
    assert!(matches!(new(Sampling::Windows { shards: 0 }), Err(DataError::Option { value: 0, .. })));
}
