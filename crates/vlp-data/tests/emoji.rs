//! The vendored shards are whole.

mod common;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use vlp_augment::recipes;
use vlp_data::{Dataset, Limits, LoaderConfig};

fn split(prefix: &str) -> Arc<Dataset> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji");
    Arc::new(Dataset::open(directory, prefix, Limits::default()).unwrap())
}

#[test]
fn every_vendored_sample_is_readable_and_counts_as_documented() {
    for (prefix, samples, concepts) in
        [("train-", 4850, 1453), ("test-artist-", 1453, 1453), ("test-concepts-", 646, 191)]
    {
        let dataset = split(prefix);
        assert_eq!(dataset.len(), samples, "{prefix}");
        assert_eq!(dataset.tally().total(), 0, "{prefix}: {}", dataset.tally());
        assert!(dataset.warnings().is_empty(), "{:?}", dataset.warnings());
        let mut labels = HashSet::new();
        for sample in dataset.pass(recipes::eval(32), 2).unwrap() {
            let annotation = sample.unwrap().annotation;
            let label = annotation.metadata.text("label").unwrap().to_owned();
            assert!(annotation.caption.starts_with(&label), "{}", annotation.caption);
            labels.insert(label);
        }
        assert_eq!(labels.len(), concepts, "{prefix}");
    }
}

#[test]
fn batches_of_256_with_unique_labels_can_be_filled() {
    let dataset = split("train-");
    let config = LoaderConfig { distinct_by: Some("label".to_owned()), ..LoaderConfig::new(256, 0) };
    let mut loader = common::loader(&dataset, config);
    for batch in common::batches(&mut loader, 20) {
        let labels: HashSet<String> = batch
            .visits
            .iter()
            .map(|&(_, i)| dataset.annotation(i as usize).unwrap().metadata.text("label").unwrap().to_owned())
            .collect();
        assert_eq!(labels.len(), 256);
        assert!(batch.cursor.deferred.len() < 256, "{}", batch.cursor.deferred.len());
    }
}
