//! The stream of batches: the same whatever the workers, resumable anywhere, and it always ends in a batch or an error.

mod common;

use std::collections::HashSet;
use std::sync::Arc;

use common::{Bytes, batches, loader, open};
use tempfile::{TempDir, tempdir};
use vlp_augment::{Identity, Image, ImageSequence, ImageTransform, SampleRng, recipes};
use vlp_data::{Cursor, DamageKind, DataError, HostBatch, Loader, LoaderConfig, SkipLimit, View, Views};
use vlp_testkit::shards::{broken_png, shard};

/// 31 samples in two shards, 7 labels, three pictures broken.
fn directory() -> TempDir {
    let directory = tempdir().unwrap();
    shard(0, 14, 7).sample("broken-0", &broken_png(0), "a caption", "label 0").write(directory.path(), "train-000.tar");
    shard(14, 14, 7)
        .sample("broken-1", &broken_png(1), "a caption", "label 1")
        .sample("broken-2", &broken_png(2), "a caption", "label 2")
        .write(directory.path(), "train-001.tar");
    directory
}

fn config(workers: usize) -> LoaderConfig {
    LoaderConfig { workers, ..LoaderConfig::new(5, 3) }
}

fn distinct(workers: usize) -> LoaderConfig {
    LoaderConfig { distinct_by: Some("label".to_owned()), ..config(workers) }
}

/// The whole content in order, pixels and ids included, across more than two epochs with damaged samples inside.
#[test]
fn batches_are_the_same_for_1_2_3_8_workers() {
    let directory = directory();
    let dataset = open(directory.path());
    for config in [config, distinct] {
        let one = batches(&mut loader(&dataset, config(1)), 15);
        assert!(one.last().unwrap().cursor.epoch >= 2);
        assert!(one.iter().any(|batch| !batch.skipped.is_empty()));
        for workers in [2, 3, 8] {
            let many = batches(&mut loader(&dataset, config(workers)), 15);
            assert_eq!(one, many, "{workers} workers");
        }
    }
}

#[test]
fn resuming_after_every_batch_continues_identically() {
    let directory = directory();
    let dataset = open(directory.path());
    for config in [config(2), distinct(2)] {
        let all = batches(&mut loader(&dataset, config.clone()), 16);
        for stop in 0..10 {
            // Through JSON, as a checkpoint stores it, and into a fresh loader.
            let stored = serde_json::to_string(&all[stop].cursor).unwrap();
            let cursor: Cursor = serde_json::from_str(&stored).unwrap();
            let mut resumed = loader(&dataset, config.clone());
            resumed.seek(&cursor).unwrap();
            assert_eq!(resumed.cursor(), &cursor);
            assert_eq!(batches(&mut resumed, 6), all[stop + 1..stop + 7], "after batch {stop}");
        }
    }
}

#[test]
fn seeking_works_in_the_middle_of_a_run() {
    let directory = directory();
    let dataset = open(directory.path());
    let mut loader = loader(&dataset, distinct(3));
    let first = batches(&mut loader, 6);
    loader.seek(&first[1].cursor).unwrap();
    assert_eq!(batches(&mut loader, 4), first[2..]);
    loader.seek(&Cursor::start(3, dataset.len() as u64)).unwrap();
    assert_eq!(batches(&mut loader, 6), first);
}

#[test]
fn an_epoch_holds_every_good_sample_once_and_counts_the_damaged() {
    let directory = directory();
    let dataset = open(directory.path());
    let mut loader = loader(&dataset, LoaderConfig { batch_size: 4, ..config(2) });
    // 28 good samples: seven batches an epoch.
    let epoch = batches(&mut loader, 7);
    let keys: HashSet<&String> = epoch.iter().flat_map(|batch| &batch.keys).collect();
    assert_eq!(keys.len(), 28);
    assert!(keys.iter().all(|key| !key.starts_with("broken")));
    batches(&mut loader, 7);
    let tally = loader.tally();
    assert_eq!(tally.total(), tally.count(DamageKind::Pixels));
    // Those at the very end of the second epoch may not have been read yet.
    assert!((3..=6).contains(&tally.total()), "{tally}");
}

#[test]
fn a_distinct_field_never_repeats_in_a_batch_and_nothing_is_lost() {
    let directory = directory();
    let dataset = open(directory.path());
    let plain = batches(&mut loader(&dataset, config(2)), 40);
    let unique = batches(&mut loader(&dataset, distinct(2)), 40);
    // The test would be idle if plain shuffling did not collide.
    assert!(plain.iter().any(|batch| repeats_a_label(&dataset, batch)));
    for batch in &unique {
        assert!(!repeats_a_label(&dataset, batch), "{:?}", batch.keys);
    }
    // 200 rows: what was read is given out or waiting.
    let mut given: Vec<(u64, u64)> = unique.iter().flat_map(|batch| batch.visits.clone()).collect();
    given.extend(&unique.last().unwrap().cursor.deferred);
    let all: HashSet<(u64, u64)> = given.iter().copied().collect();
    assert_eq!(all.len(), given.len(), "a visit was given out twice");
    let cursor = &unique.last().unwrap().cursor;
    let read = cursor.epoch * 31 + cursor.taken;
    let skipped: usize = unique.iter().map(|batch| batch.skipped.len()).sum();
    assert_eq!(read, (given.len() + skipped) as u64);
}

fn repeats_a_label(dataset: &vlp_data::Dataset, batch: &HostBatch) -> bool {
    let mut seen = HashSet::new();
    batch.visits.iter().any(|&(_, index)| {
        let annotation = dataset.annotation(index as usize).unwrap();
        !seen.insert(annotation.metadata.text("label").unwrap().to_owned())
    })
}

#[test]
fn too_few_distinct_values_end_in_an_error() {
    let directory = directory();
    let dataset = open(directory.path());
    let mut loader = loader(&dataset, LoaderConfig { batch_size: 8, ..distinct(2) });
    let error = loader.next_batch().unwrap_err();
    assert!(matches!(&error, DataError::TooFewDistinct { values: 7, batch_size: 8, .. }), "{error}");
    // Asking again is no hang either.
    assert!(loader.next_batch().is_err());
}

#[test]
fn too_much_damage_ends_in_an_error_that_names_a_sample() {
    let directory = directory();
    let dataset = open(directory.path());
    let skip_limit = SkipLimit { rate: 0.05, window: 50, at_least: 4 };
    let mut loader = loader(&dataset, LoaderConfig { skip_limit, ..config(2) });
    let error = (0..100).find_map(|_| loader.next_batch().err()).expect("10 % damage within a limit of 5 %");
    assert!(matches!(&error, DataError::TooMuchDamage { damaged: 4, .. }), "{error}");
    assert!(error.to_string().contains("broken-"), "{error}");
}

/// Stopped after every batch, with samples put off and without: the window of damage is not forgotten.
#[test]
fn a_continued_stream_ends_at_the_damage_that_ends_the_whole_one() {
    let directory = directory();
    let dataset = open(directory.path());
    let skip_limit = SkipLimit { rate: 0.05, window: 80, at_least: 6 };
    for config in [config(2), distinct(3)] {
        let config = LoaderConfig { skip_limit, ..config };
        let mut whole = loader(&dataset, config.clone());
        let mut cursors = vec![whole.cursor().clone()];
        let end = loop {
            match whole.next_batch() {
                Ok(batch) => cursors.push(batch.cursor),
                Err(error) => break error.to_string(),
            }
        };
        assert!(cursors.len() > 8 && end.contains("6 of the last"), "{}: {end}", cursors.len());
        for (given, cursor) in cursors.iter().enumerate() {
            let mut resumed = loader(&dataset, config.clone());
            resumed.seek(cursor).unwrap();
            let left = cursors.len() - 1 - given;
            (0..left).for_each(|batch| drop(resumed.next_batch().unwrap_or_else(|e| panic!("{given} + {batch}: {e}"))));
            assert!(matches!(resumed.next_batch(), Err(DataError::TooMuchDamage { damaged: 6, .. })), "after {given}");
        }
    }
}

/// Counts that no stream can have, from a file that somebody has changed.
#[test]
fn absurd_counts_of_damage_are_no_fault() {
    let directory = directory();
    let dataset = open(directory.path());
    for (epoch, damaged) in [(0, vec![u64::MAX, 3]), (0, vec![9, 8]), (u64::MAX / 2, vec![u64::MAX / 2, 1])] {
        let mut loader = loader(&dataset, config(2));
        let cursor = Cursor { epoch, damaged, ..loader.cursor().clone() };
        loader.seek(&cursor).unwrap();
        batches(&mut loader, 20);
    }
}

#[test]
fn damage_within_the_limit_never_ends_a_run() {
    let directory = directory();
    let dataset = open(directory.path());
    let skip_limit = SkipLimit { rate: 0.2, window: 50, at_least: 4 };
    batches(&mut loader(&dataset, LoaderConfig { skip_limit, ..config(2) }), 60);
}

#[test]
fn a_dataset_of_nothing_but_damage_ends_in_an_error() {
    let directory = tempdir().unwrap();
    shard(0, 0, 1).sample("broken", &broken_png(0), "a caption", "x").write(directory.path(), "train-000.tar");
    let dataset = open(directory.path());
    let error = loader(&dataset, config(2)).next_batch().unwrap_err();
    assert!(matches!(error, DataError::NothingKept { read: 100, .. }), "{error}");
    assert!(error.to_string().contains("0 of 100 samples kept: pixels 100"), "{error}");
}

#[test]
fn a_shard_that_vanishes_under_the_loader_ends_in_an_error() {
    let directory = tempdir().unwrap();
    let path = shard(0, 20, 20).write(directory.path(), "train-000.tar");
    let dataset = open(directory.path());
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    let error = loader(&dataset, config(2)).next_batch().unwrap_err();
    assert!(error.to_string().contains("io 100"), "{error}");
}

struct Explode;

impl ImageTransform for Explode {
    fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        assert!(rng.uniform() < 0.9, "this transform explodes");
        recipes::clip_rocket_weak(8).apply(image, rng)
    }
}

#[test]
fn a_panic_on_a_worker_ends_in_an_error() {
    let directory = directory();
    let dataset = open(directory.path());
    let views = Views::weak(View::new(Explode, Identity));
    let mut loader = Loader::new(dataset, Arc::new(Bytes), views, config(3)).unwrap();
    let error = (0..100).find_map(|_| loader.next_batch().err()).expect("one in ten explodes");
    assert!(matches!(&error, DataError::WorkerPanicked { message } if message.contains("explodes")), "{error}");
}

#[test]
fn views_of_different_sizes_end_in_an_error() {
    let directory = tempdir().unwrap();
    let wide = vlp_testkit::shards::encode(&vlp_testkit::shards::picture(20, 10, 0), image::ImageFormat::Png);
    shard(0, 1, 1).sample("wide", &wide, "a caption", "x").write(directory.path(), "train-000.tar");
    let views = Views::weak(View::new(ImageSequence::new(), Identity));
    let mut loader = Loader::new(open(directory.path()), Arc::new(Bytes), views, LoaderConfig::new(2, 0)).unwrap();
    let error = loader.next_batch().unwrap_err();
    assert!(matches!(error, DataError::ImageSizes { .. }), "{error}");
}

#[test]
fn dropping_a_loader_at_any_moment_ends_its_threads() {
    let directory = directory();
    let dataset = open(directory.path());
    for taken in [0, 1, 3] {
        for prefetch in [0, 1, 4] {
            let mut loader = loader(&dataset, LoaderConfig { prefetch, ..config(4) });
            batches(&mut loader, taken);
            drop(loader);
        }
    }
    // Threads hold the dataset: all are gone.
    assert_eq!(Arc::strong_count(&dataset), 1);
}

#[test]
fn batches_are_full_and_have_the_promised_shapes() {
    let directory = directory();
    let batch = loader(&open(directory.path()), config(2)).next_batch().unwrap();
    assert_eq!((batch.len(), batch.strong.len()), (5, 2));
    for view in batch.strong.iter().chain([&batch.weak]) {
        assert_eq!((view.images.batch, view.images.height, view.images.width), (5, 8, 8));
        assert_eq!(view.images.pixels.len(), 5 * 8 * 8 * 3);
        assert_eq!((view.tokens.batch, view.tokens.context), (5, common::CONTEXT));
        assert_eq!(view.tokens.ids.len(), 5 * common::CONTEXT);
    }
    assert_ne!(batch.strong[0].images, batch.strong[1].images);
}

#[test]
fn a_foreign_cursor_is_refused() {
    let directory = directory();
    let dataset = open(directory.path());
    let mut loader = loader(&dataset, config(1));
    let good = loader.next_batch().unwrap().cursor;
    for cursor in [
        Cursor { seed: 4, ..good.clone() },
        Cursor { samples: 30, ..good.clone() },
        Cursor { taken: 31, ..good.clone() },
        Cursor { deferred: vec![(0, 31)], ..good.clone() },
    ] {
        let error = loader.seek(&cursor).unwrap_err();
        assert!(matches!(error, DataError::ForeignCursor { .. }), "{cursor:?}");
    }
    assert_eq!(loader.cursor(), &good, "a refused cursor changes nothing");
}

#[test]
fn options_that_cannot_work_are_refused() {
    let directory = directory();
    let dataset = open(directory.path());
    for wrong in [LoaderConfig { workers: 0, ..config(1) }, LoaderConfig { batch_size: 0, ..config(1) }] {
        let result = Loader::new(Arc::clone(&dataset), Arc::new(Bytes), common::views(), wrong);
        assert!(matches!(result, Err(DataError::Option { .. })));
    }
}
