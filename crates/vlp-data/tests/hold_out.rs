//! A share of a dataset kept apart, by the keys of its samples.

use std::collections::HashSet;
use std::fmt::Write;

use tempfile::{TempDir, tempdir};
use vlp_data::{Dataset, Limits};
use vlp_testkit::shards::{self, ShardBuilder, png};

/// Rows with five captions for each of so many pictures.
fn table(pictures: usize) -> (TempDir, Dataset) {
    let directory = tempdir().unwrap();
    shards::write(directory.path(), "0.png", &png(0));
    let mut text = "filepath,title\n".to_owned();
    for j in 0..5 {
        (0..pictures).for_each(|i| writeln!(text, "{i}.png,picture {i} in way {j}").unwrap());
    }
    let path = shards::write(directory.path(), "t.csv", text.as_bytes()).display().to_string();
    let dataset = Dataset::from_path(&path, Limits::default()).unwrap();
    (directory, dataset)
}

fn keys(dataset: &Dataset) -> HashSet<String> {
    (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().key).collect()
}

#[test]
fn sides_are_apart_whole_and_of_the_right_size() {
    let (_directory, dataset) = table(2000);
    let all = keys(&dataset);
    let captions: HashSet<String> = (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect();
    let (training, held_out) = dataset.hold_out(0.1).unwrap();
    assert_eq!(training.len() + held_out.len(), 10_000);
    // 2,000 draws at 0.1: standard deviation 13 pictures of 5 rows.
    assert!(held_out.len().abs_diff(1000) < 5 * 60, "{}", held_out.len());
    let (one, other) = (keys(&training), keys(&held_out));
    assert!(one.is_disjoint(&other), "a picture on both sides");
    assert_eq!(one.union(&other).cloned().collect::<HashSet<_>>(), all);
    let said =
        |dataset: &Dataset| (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect::<Vec<_>>();
    let found: HashSet<String> = [said(&training), said(&held_out)].concat().into_iter().collect();
    assert_eq!(found, captions);
    assert!(held_out.annotation(held_out.len()).is_err());
    assert!(training.name(training.len()).contains("sample"));
}

/// The hash is part of what is promised: a run that is resumed with a later version must not train on what was held out.
#[test]
fn the_choice_does_not_change() {
    let (_directory, dataset) = table(40);
    let (_, held_out) = dataset.hold_out(0.2).unwrap();
    let mut found: Vec<String> = keys(&held_out).into_iter().collect();
    found.sort();
    assert_eq!(found, FOREVER);
    // More rows move none.
    let (_directory, dataset) = table(80);
    let (_, more) = dataset.hold_out(0.2).unwrap();
    assert!(keys(&more).is_superset(&keys(&held_out)));
}

const FOREVER: [&str; 7] = ["0.png", "11.png", "12.png", "33.png", "35.png", "38.png", "8.png"];

#[test]
fn shards_and_mixtures_are_parted_too() {
    let directory = tempdir().unwrap();
    let mut paths = Vec::new();
    for shard in 0..3 {
        let mut builder = ShardBuilder::new();
        for i in 0..40 {
            builder = builder.sample(&format!("{shard}{i:03}"), &png(i), &format!("caption {i}"), "x");
        }
        paths.push(builder.write(directory.path(), &format!("{shard}.tar")));
    }
    let open =
        |numbers: &[usize]| Dataset::from_shards(numbers.iter().map(|&n| paths[n].clone()), Limits::default()).unwrap();
    let mixed = Dataset::mix([(open(&[0, 1]), 1.0), (open(&[2]), 2.0)]).unwrap();
    let (training, held_out) = mixed.hold_out(0.3).unwrap();
    assert_eq!(training.len() + held_out.len(), 120);
    assert!(keys(&training).is_disjoint(&keys(&held_out)));
    assert!((0..held_out.len()).all(|i| held_out.sample(i).is_ok()));
    // The same pictures, whatever they are mixed with.
    let (_, alone) = open(&[2]).hold_out(0.3).unwrap();
    assert!(keys(&held_out).is_superset(&keys(&alone)));
}

#[test]
fn shares_that_leave_nothing_are_refused() {
    for share in [0.0, 1.0, -0.5, f64::NAN, 1e-9] {
        let (_directory, dataset) = table(3);
        let error = dataset.hold_out(share).unwrap_err().to_string();
        assert!(error.contains("of 15 samples"), "{share}: {error}");
    }
}
