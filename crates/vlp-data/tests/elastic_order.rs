//! The sequence of samples does not depend on workers or ranks, and continues anywhere.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{batches, loader, open};
use tempfile::{TempDir, tempdir};
use vlp_data::{
    Annotation, Cursor, Damage, DataError, Dataset, HostBatch, Limits, LoaderConfig, Picture, Rank, Sampling,
    SkipLimit, Source, Tally,
};
use vlp_testkit::shards::{broken_png, shard};

/// 46 samples in three shards, six pictures broken.
fn directory() -> TempDir {
    let directory = tempdir().unwrap();
    for number in 0..3 {
        let first = 14 * number;
        (0..2)
            .fold(shard(first, 14 - number, 9), |shard, i| {
                shard.sample(&format!("broken-{number}-{i}"), &broken_png(i), "a caption", "label 0")
            })
            .write(directory.path(), &format!("train-{number}.tar"));
    }
    directory
}

fn orders() -> [Sampling; 4] {
    [Sampling::Shuffled, Sampling::InOrder, Sampling::Resampled, Sampling::Windows { shards: 2 }]
}

/// Key, visit, pixels and ids.
type Row = (String, (u64, u64), Vec<u8>, Vec<i32>);

/// Everything in a batch but where it was cut: rows in order.
fn rows(batches: &[HostBatch]) -> Vec<Row> {
    let row = |batch: &HostBatch, i: usize| {
        let (images, tokens) = (&batch.weak.images.pixels, &batch.weak.tokens.ids);
        let (pixels, ids) = (images.len() / batch.len(), tokens.len() / batch.len());
        let (pixels, ids) = (images[i * pixels..][..pixels].to_vec(), tokens[i * ids..][..ids].to_vec());
        (batch.keys[i].clone(), batch.visits[i], pixels, ids)
    };
    batches.iter().flat_map(|batch| (0..batch.len()).map(move |i| row(batch, i))).collect()
}

#[test]
fn the_sequence_is_the_same_for_1_2_3_8_16_workers_over_an_epoch_end() {
    let directory = directory();
    let dataset = open(directory.path());
    for sampling in orders() {
        let config = |workers| LoaderConfig { workers, sampling, ..LoaderConfig::new(8, 3) };
        let one = batches(&mut loader(&dataset, config(1)), 12);
        assert!(one.last().unwrap().cursor.epoch >= 2);
        assert!(one.iter().any(|batch| !batch.skipped.is_empty()));
        for workers in [2, 3, 8, 16] {
            assert_eq!(one, batches(&mut loader(&dataset, config(workers)), 12), "{sampling:?}, {workers} workers");
        }
    }
}

/// Batches of one, so that the cursor stops at every position of two epochs.
#[test]
fn a_run_resumes_at_every_position() {
    let directory = directory();
    let dataset = open(directory.path());
    for sampling in orders() {
        let config = LoaderConfig { workers: 2, sampling, ..LoaderConfig::new(1, 3) };
        let all = batches(&mut loader(&dataset, config.clone()), 90);
        for stop in 0..84 {
            let mut resumed = loader(&dataset, config.clone());
            resumed.seek(&all[stop].cursor).unwrap();
            assert_eq!(batches(&mut resumed, 5), all[stop + 1..stop + 6], "{sampling:?}, after {stop}");
        }
    }
}

fn global(
    dataset: &Arc<Dataset>,
    sampling: Sampling,
    ranks: usize,
    from: Option<&Cursor>,
    count: usize,
) -> Vec<HostBatch> {
    let mut loaders: Vec<_> = (0..ranks)
        .map(|number| {
            let rank = Some(Rank::new(number, ranks).unwrap());
            let mut loader =
                loader(dataset, LoaderConfig { workers: 2, sampling, rank, ..LoaderConfig::new(24 / ranks, 3) });
            from.into_iter().for_each(|cursor| loader.seek(cursor).unwrap());
            loader
        })
        .collect();
    (0..count).flat_map(|_| loaders.iter_mut().map(|loader| loader.next_batch().unwrap()).collect::<Vec<_>>()).collect()
}

/// A global batch of 24 shared by 1 to 8 ranks, over epoch ends, with damaged samples inside.
#[test]
fn the_global_sequence_is_the_same_for_1_to_8_ranks() {
    let directory = directory();
    let dataset = open(directory.path());
    for sampling in orders() {
        let one = global(&dataset, sampling, 1, None, 8);
        assert!(one.last().unwrap().cursor.epoch >= 3);
        assert!(one.iter().any(|batch| !batch.skipped.is_empty()));
        for ranks in [2, 3, 4, 6, 8] {
            let many = global(&dataset, sampling, ranks, None, 8);
            assert_eq!(rows(&one), rows(&many), "{sampling:?}, {ranks} ranks");
            let cursors: Vec<&Cursor> = many.iter().step_by(ranks).map(|batch| &batch.cursor).collect();
            assert_eq!(cursors, one.iter().map(|batch| &batch.cursor).collect::<Vec<_>>(), "{ranks} ranks");
        }
    }
}

/// Started on 8 ranks, continued on 3, finished on 1.
#[test]
fn a_run_continues_on_another_number_of_ranks() {
    let directory = directory();
    let dataset = open(directory.path());
    let one = global(&dataset, Sampling::Shuffled, 1, None, 8);
    let mut rest = global(&dataset, Sampling::Shuffled, 8, None, 3);
    for ranks in [3, 1] {
        let cursor = rest.last().unwrap().cursor.clone();
        rest.extend(global(&dataset, Sampling::Shuffled, ranks, Some(&cursor), if ranks == 3 { 2 } else { 3 }));
    }
    assert_eq!(rows(&one), rows(&rest));
}

#[test]
fn ranks_that_cannot_be_are_refused() {
    let directory = directory();
    let dataset = open(directory.path());
    assert!(matches!(Rank::new(2, 2), Err(DataError::NoSuchRank { .. })));
    let new = |config| vlp_data::Loader::new(Arc::clone(&dataset), Arc::new(common::Bytes), common::views(), config);
    let base = LoaderConfig { rank: Some(Rank { number: 0, of: 2 }), ..LoaderConfig::new(4, 0) };
    assert!(matches!(
        new(LoaderConfig { distinct_by: Some("label".to_owned()), ..base.clone() }),
        Err(DataError::DistinctAcrossRanks)
    ));
    assert!(new(LoaderConfig { rank: Some(Rank { number: 0, of: 0 }), ..base }).is_err());
}

#[test]
fn the_cursor_of_another_order_is_refused() {
    let directory = directory();
    let dataset = open(directory.path());
    let cursor = loader(&dataset, LoaderConfig::new(4, 3)).next_batch().unwrap().cursor;
    let mut other = loader(&dataset, LoaderConfig { sampling: Sampling::Resampled, ..LoaderConfig::new(4, 3) });
    assert!(matches!(other.seek(&cursor), Err(DataError::ForeignCursor { .. })));
}

/// Ten million samples that cost nothing to store, some slow, some without captions.
#[derive(Debug)]
struct Endless {
    tally: Tally,
    slow: bool,
    damaged: bool,
}

impl Source for Endless {
    fn len(&self) -> usize {
        10_000_000
    }

    fn name(&self, index: usize) -> String {
        format!("endless:{index}")
    }

    fn annotation(&self, index: usize) -> Result<Annotation, Damage> {
        if self.slow {
            std::thread::sleep(Duration::from_secs(2));
        }
        if self.damaged {
            return Err(Damage::NoCaption);
        }
        let caption = "a caption".to_owned();
        Ok(Annotation { key: index.to_string(), caption, other_captions: Vec::new(), metadata: Default::default() })
    }

    fn picture(&self, _index: usize) -> Result<Picture, Damage> {
        Ok(Picture::Decoded(vlp_augment::Image::filled(8, 8, [9; 3])))
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn warnings(&self) -> &[String] {
        &[]
    }

    fn groups(&self) -> Vec<usize> {
        vec![1000; 10_000]
    }
}

fn endless(slow: bool, damaged: bool) -> Arc<Dataset> {
    Arc::new(Dataset::new(Endless { tally: Tally::default(), slow, damaged }, Limits::default()).unwrap())
}

#[test]
fn resuming_deep_inside_an_epoch_takes_less_than_a_second() {
    let dataset = endless(false, false);
    for sampling in orders() {
        let start = Instant::now();
        let mut loader = loader(&dataset, LoaderConfig { workers: 2, sampling, ..LoaderConfig::new(8, 3) });
        let cursor = Cursor { epoch: 7, taken: 9_999_990, sampling, ..Cursor::start(3, 10_000_000) };
        loader.seek(&cursor).unwrap();
        assert_eq!(loader.next_batch().unwrap().cursor.taken, 9_999_998);
        assert!(start.elapsed() < Duration::from_secs(1), "{sampling:?}: {:?}", start.elapsed());
    }
}

#[test]
fn a_stall_ends_in_an_error_that_names_the_sample() {
    let dataset = endless(true, false);
    let stall_after = Duration::from_millis(200);
    let config = LoaderConfig { workers: 2, sampling: Sampling::InOrder, stall_after, ..LoaderConfig::new(8, 3) };
    let error = loader(&dataset, config).next_batch().unwrap_err();
    assert!(matches!(&error, DataError::Stalled { sample, .. } if sample == "endless:0"), "{error}");
}

#[test]
fn nothing_kept_is_told_with_its_cause() {
    let dataset = endless(false, true);
    let skip_limit = SkipLimit { rate: 0.01, window: 10_000, at_least: 5000 };
    let error =
        loader(&dataset, LoaderConfig { skip_limit, workers: 2, ..LoaderConfig::new(8, 3) }).next_batch().unwrap_err();
    assert!(error.to_string().contains("0 of 5000 samples kept: no_caption 5000"), "{error}");
    let rank = Some(Rank { number: 1, of: 2 });
    let error =
        loader(&dataset, LoaderConfig { rank, workers: 2, ..LoaderConfig::new(8, 3) }).next_batch().unwrap_err();
    assert!(matches!(error, DataError::NothingKept { .. }), "{error}");
}

#[test]
fn the_loader_tells_where_the_time_went_and_what_was_skipped() {
    let directory = directory();
    let dataset = open(directory.path());
    let mut loader = loader(&dataset, LoaderConfig { workers: 2, ..LoaderConfig::new(8, 3) });
    loader.next_batch().unwrap();
    std::thread::sleep(Duration::from_millis(30));
    batches(&mut loader, 9);
    let timing = loader.timing();
    assert!(timing.computed >= Duration::from_millis(30), "{timing:?}");
    assert!(timing.stages.decode > Duration::ZERO && timing.stages.augment > Duration::ZERO, "{timing:?}");
    assert!((0.0..=1.0).contains(&timing.waiting_share()));
    // Many of one kind are damaged, one line tells it.
    assert!(loader.tally().total() > 1);
    assert_eq!(loader.notices().len(), 1);
    assert!(
        loader.notices()[0].contains("broken-") && loader.notices()[0].contains("pixels number 1"),
        "{:?}",
        loader.notices()
    );
}
