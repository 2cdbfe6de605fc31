//! Batches without two rows of one kind: names of fields, long tails, and batches larger than the data.

mod common;

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use common::{batches, loader};
use tempfile::{TempDir, tempdir};
use vlp_data::{DataError, Dataset, Limits, Loader, LoaderConfig};
use vlp_testkit::shards::{self, png};

/// `rows` rows of these kinds, of ten pictures.
fn dataset(rows: usize, kind: impl Fn(usize) -> usize) -> (TempDir, Arc<Dataset>) {
    let directory = tempdir().unwrap();
    (0..10).for_each(|i| drop(shards::write(directory.path(), &format!("{i}.png"), &png(i))));
    let mut text = "filepath,title,kind\n".to_owned();
    (0..rows).for_each(|i| writeln!(text, "{}.png,plate of kind {},{}", i % 10, kind(i), kind(i)).unwrap());
    let path = shards::write(directory.path(), "t.csv", text.as_bytes()).display().to_string();
    let dataset = Dataset::from_path(&path, Limits::default()).unwrap();
    (directory, Arc::new(dataset))
}

fn config(batch_size: usize, field: Option<&str>) -> LoaderConfig {
    LoaderConfig { distinct_by: field.map(str::to_owned), workers: 2, ..LoaderConfig::new(batch_size, 3) }
}

fn refused(dataset: &Arc<Dataset>, field: &str) -> String {
    let new = Loader::new(Arc::clone(dataset), Arc::new(common::Bytes), common::views(), config(4, Some(field)));
    new.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest() {
    let (_directory, dataset) = dataset(60, |i| i % 7);
    let error = refused(&dataset, "knid");
    assert!(
        error.contains("none of 60 samples has (did you mean `kind`?)")
            && error.contains("`caption`, `kind`, `picture`"),
        "{error}"
    );
    assert!(!refused(&dataset, "zebra").contains("did you mean"));
}

#[test]
fn picture_and_caption_can_be_named_in_either_way() {
    let (_directory, dataset) = dataset(60, |i| i % 7);
    for (field, values) in [("kind", 7), ("title", 7), ("caption", 7), ("filepath", 10), ("picture", 10)] {
        let mut stream = loader(&dataset, config(values, Some(field)));
        for batch in batches(&mut stream, 20) {
            let annotations = batch.visits.iter().map(|&(_, index)| dataset.annotation(index as usize).unwrap());
            let of = |a: vlp_data::Annotation| if values == 7 { a.caption } else { a.key };
            assert_eq!(annotations.map(of).collect::<HashSet<_>>().len(), values, "{field}");
        }
        // One more cannot be had, which a whole pass shows.
        let error = loader(&dataset, config(values + 1, Some(field))).next_batch().unwrap_err();
        let wanted = format!("has only {values} different values of `{field}` for a batch of {}", values + 1);
        assert!(error.to_string().contains(&wanted), "{error}");
        assert!(matches!(error, DataError::TooFewDistinct { read: 61, .. }), "{error}");
    }
}

/// Half of the data of one kind: batches go on for as long as other kinds are there to fill them, which is for ever, and what one batch
/// in each can hold of the frequent kind is told.
#[test]
fn a_long_tail_does_not_end_the_stream() {
    let (_directory, dataset) = dataset(2000, |i| if i % 2 == 1 { 0 } else { 1 + i / 2 % 59 });
    let mut stream = loader(&dataset, config(32, Some("kind")));
    let (mut frequent, mut waiting, mut all) = (0, 0, Vec::new());
    for batch in batches(&mut stream, 200) {
        let kinds: Vec<String> = batch
            .visits
            .iter()
            .map(|&(_, index)| dataset.annotation(index as usize).unwrap().metadata.text("kind").unwrap().to_owned())
            .collect();
        assert_eq!(kinds.iter().collect::<HashSet<_>>().len(), 32);
        frequent += usize::from(kinds.contains(&"0".to_owned()));
        waiting = waiting.max(batch.cursor.deferred.len());
        all.push(batch);
    }
    assert_eq!(frequent, 200, "every batch holds the frequent kind");
    assert!(waiting <= 8 * 60, "{waiting}");
    assert!(stream.passed_over() > 1000, "{}", stream.passed_over());
    assert!(stream.notices()[0].contains("have the same `kind`"), "{:?}", stream.notices());
    // A resume goes on with the same batches.
    let mut resumed = loader(&dataset, config(32, Some("kind")));
    resumed.seek(&all[99].cursor).unwrap();
    assert_eq!(batches(&mut resumed, 100), all[100..]);
}

#[test]
fn a_sample_beside_itself_is_told_once() {
    let (_directory, dataset) = dataset(60, |i| i);
    let mut stream = loader(&dataset, config(100, None));
    batches(&mut stream, 5);
    assert_eq!(stream.notices().len(), 1, "{:?}", stream.notices());
    assert!(
        stream.notices()[0].contains("the same sample")
            && stream.notices()[0].contains("batches of 100 from 60 samples")
    );
    let mut exact = loader(&dataset, config(60, None));
    batches(&mut exact, 5);
    assert!(exact.notices().is_empty(), "{:?}", exact.notices());
}
