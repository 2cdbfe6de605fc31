//! Pictures with several captions: one drawn for all views of a visit, or one for each view.

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use common::{Bytes, batches};
use tempfile::{TempDir, tempdir};
use vlp_augment::{CaptionSampling, Identity, recipes};
use vlp_data::{Dataset, HostBatch, HostView, Limits, Loader, LoaderConfig, View, Views};
use vlp_testkit::shards::{self, png};

const SAMPLES: usize = 30;

/// Sample i has the captions `i a`, `i b` and `i c`, every tenth only `i`, and blank ones between them.
fn dataset() -> (TempDir, Arc<Dataset>) {
    let directory = tempdir().unwrap();
    let mut lines = String::new();
    for i in 0..SAMPLES {
        shards::write(directory.path(), &format!("{i}.png"), &png(i as u32));
        let captions = if i % 10 == 0 { format!("\"{i}\"") } else { format!("\"{i} a\", \" \", \"{i} b\", \"{i} c\"") };
        lines += &format!("{{\"image\": \"{i}.png\", \"captions\": [{captions}]}}\n");
    }
    let path = shards::write(directory.path(), "t.jsonl", lines.as_bytes());
    let dataset = Dataset::json_lines(path, Limits::default()).unwrap();
    (directory, Arc::new(dataset))
}

fn loader(dataset: &Arc<Dataset>, captions: CaptionSampling, strong: usize, workers: usize) -> Loader {
    let view = || View::new(recipes::eval(8), Identity);
    let config = LoaderConfig { captions, workers, ..LoaderConfig::new(10, 7) };
    Loader::new(Arc::clone(dataset), Arc::new(Bytes), Views::weak(view()).and_strong(strong, view()), config).unwrap()
}

/// The captions of a view, out of the ids that are their bytes.
fn texts(view: &HostView) -> Vec<String> {
    let text = |ids: &[i32]| ids.iter().take_while(|&&id| id < 256).map(|&id| id as u8 as char).collect();
    view.tokens.ids.chunks(view.tokens.context).map(text).collect()
}

/// For each row the captions of all its views, the weak one first.
fn rows(batch: &HostBatch) -> Vec<Vec<String>> {
    let views: Vec<_> = std::iter::once(&batch.weak).chain(&batch.strong).map(texts).collect();
    (0..batch.len()).map(|row| views.iter().map(|view| view[row].clone()).collect()).collect()
}

#[test]
fn single_gives_all_views_one_caption_and_each_its_turn() {
    let (_directory, dataset) = dataset();
    let mut counts = HashMap::<char, usize>::new();
    for row in batches(&mut loader(&dataset, CaptionSampling::Single, 2, 2), 300).iter().flat_map(rows) {
        assert!(row.iter().all(|caption| *caption == row[0]), "{row:?}");
        *counts.entry(row[0].chars().last().unwrap()).or_default() += 1;
    }
    // 100 epochs of 27 samples with three captions each: 900 a caption, standard deviation 24.
    for letter in ['a', 'b', 'c'] {
        assert!(counts[&letter].abs_diff(900) < 120, "{counts:?}");
    }
}

#[test]
fn multi_lets_each_view_draw_its_own() {
    let (_directory, dataset) = dataset();
    let (mut differ, mut all) = (0, 0);
    for row in batches(&mut loader(&dataset, CaptionSampling::Multi, 2, 2), 300).iter().flat_map(rows) {
        let samples: HashSet<&str> = row.iter().map(|caption| caption.split(' ').next().unwrap()).collect();
        assert_eq!(samples.len(), 1, "captions of two pictures: {row:?}");
        if row[0].contains(' ') {
            all += 1;
            differ += usize::from(row[1] != row[2]);
        }
    }
    // Two in three pairs, standard deviation 25.
    assert_eq!(all, 2700);
    assert!(differ.abs_diff(1800) < 125, "{differ}");
}

/// The draw belongs to the visit: neither workers nor a resume nor further views change it.
#[test]
fn captions_are_a_function_of_seed_epoch_and_index() {
    let (_directory, dataset) = dataset();
    for sampling in [CaptionSampling::Single, CaptionSampling::Multi] {
        let one = batches(&mut loader(&dataset, sampling, 2, 1), 9);
        assert_eq!(batches(&mut loader(&dataset, sampling, 2, 3), 9), one);
        let mut resumed = loader(&dataset, sampling, 2, 2);
        resumed.seek(&one[4].cursor).unwrap();
        assert_eq!(batches(&mut resumed, 4), one[5..]);
        let fewer = batches(&mut loader(&dataset, sampling, 1, 2), 9);
        for (batch, fewer) in one.iter().zip(&fewer) {
            assert_eq!((&batch.weak, &batch.strong[0]), (&fewer.weak, &fewer.strong[0]));
        }
    }
}
