//! Several captions of a picture, in every container that can hold them.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;
use vlp_data::{DataError, Dataset, SourceOptions};
use vlp_testkit::shards::{self, ShardBuilder, png};

const SAMPLES: usize = 6;

fn said(i: usize) -> Vec<String> {
    (0..5).map(|j| format!("picture {i} said in way {j}")).collect()
}

fn all_captions(dataset: &Dataset, i: usize) -> Vec<String> {
    let annotation = dataset.annotation(i).unwrap();
    [vec![annotation.caption], annotation.other_captions].concat()
}

fn open(path: &Path, options: &SourceOptions) -> Result<Dataset, DataError> {
    Dataset::from_path_with(&path.display().to_string(), options)
}

fn fields(names: &[&str]) -> SourceOptions {
    SourceOptions { captions: names.iter().map(|&name| name.to_owned()).collect(), ..SourceOptions::default() }
}

/// A shard of pictures with these members each.
fn tar(directory: &Path, name: &str, members: impl Fn(usize) -> Vec<(&'static str, String)>) -> std::path::PathBuf {
    let mut builder = ShardBuilder::new();
    for i in 0..SAMPLES {
        builder = builder.member(&format!("{i}.png"), &png(i as u32));
        for (ending, text) in members(i) {
            builder = builder.member(&format!("{i}.{ending}"), text.as_bytes());
        }
    }
    builder.write(directory, name)
}

fn json_with(field: &'static str, value: impl Fn(usize) -> Value) -> impl Fn(usize) -> Vec<(&'static str, String)> {
    move |i| vec![("json", json!({ field: value(i), "width": 16 }).to_string())]
}

#[test]
fn lists_in_the_json_of_a_shard_are_captions() {
    let directory = tempdir().unwrap();
    for field in ["captions", "caption", "sentences", "text"] {
        let path = tar(directory.path(), &format!("{field}.tar"), json_with(field, |i| json!(said(i))));
        let dataset = open(&path, &SourceOptions::default()).unwrap();
        for i in 0..SAMPLES {
            assert_eq!(all_captions(&dataset, i), said(i), "{field}");
        }
    }
    // Karpathy's objects, and what is no caption in a list.
    let objects = |i: usize| json!([{"raw": said(i)[0]}, null, {"raw": said(i)[1]}, " "]);
    let path = tar(directory.path(), "objects.tar", json_with("sentences", objects));
    assert_eq!(all_captions(&open(&path, &SourceOptions::default()).unwrap(), 3), said(3)[..2]);
}

#[test]
fn the_fields_of_captions_can_be_named() {
    let directory = tempdir().unwrap();
    let path = tar(directory.path(), "both.tar", |i| {
        vec![("txt", said(i)[0].clone()), ("json", json!({"caption": said(i)[0], "recaption": said(i)[1]}).to_string())]
    });
    assert_eq!(all_captions(&open(&path, &SourceOptions::default()).unwrap(), 2), said(2)[..1]);
    assert_eq!(all_captions(&open(&path, &fields(&["recaption"])).unwrap(), 2), said(2)[1..2]);
    assert_eq!(all_captions(&open(&path, &fields(&["txt", "recaption"])).unwrap(), 2), said(2)[..2]);

    let path = tar(directory.path(), "llava.tar", json_with("llava_caption", |i| json!(said(i)[1])));
    let error = open(&path, &SourceOptions::default()).unwrap_err().to_string();
    assert!(error.contains("0 of 6 samples have a caption") && error.contains("`llava_caption`, `width`"), "{error}");
    assert_eq!(all_captions(&open(&path, &fields(&["llava_caption"])).unwrap(), 4), said(4)[1..2]);
}

#[test]
fn lines_of_a_text_are_captions_when_asked() {
    let directory = tempdir().unwrap();
    let path = tar(directory.path(), "lines.tar", |i| vec![("txt", said(i).join("\n") + "\n")]);
    assert_eq!(all_captions(&open(&path, &SourceOptions::default()).unwrap(), 1), [said(1).join("\n")]);
    let lines = SourceOptions { caption_lines: true, ..SourceOptions::default() };
    assert_eq!(all_captions(&open(&path, &lines).unwrap(), 1), said(1));
}

#[test]
fn clip_benchmarks_retrieval_exports_have_a_caption_a_line() {
    let directory = tempdir().unwrap();
    let test = directory.path().join("test");
    std::fs::create_dir(&test).unwrap();
    shards::write(directory.path(), "dataset_type.txt", b"retrieval\n");
    shards::write(&test, "nshards.txt", b"2\n");
    let members = |i: usize| vec![("txt", said(i).join("\n"))];
    for (name, path) in [("0.tar", &test), ("1.tar", &test)] {
        tar(path, name, members);
    }
    for path in [directory.path(), &test, &test.join("1.tar")] {
        let dataset = open(path, &SourceOptions::default()).unwrap();
        assert_eq!(all_captions(&dataset, 5), said(5), "{path:?}");
    }
    assert_eq!(open(directory.path(), &SourceOptions::default()).unwrap().len(), 12);
    let split = |name: &str| {
        open(directory.path(), &SourceOptions { split: Some(name.to_owned()), ..SourceOptions::default() })
    };
    assert_eq!(split("test").unwrap().len(), 12);
    assert!(split("train").unwrap_err().to_string().contains("no split `train` among test"));
    shards::write(&test, "nshards.txt", b"3\n");
    assert!(
        matches!(open(directory.path(), &SourceOptions::default()), Err(DataError::Read { path, .. }) if path.ends_with("2.tar"))
    );
    shards::write(&test, "nshards.txt", b"many\n");
    assert!(open(&test, &SourceOptions::default()).unwrap_err().to_string().contains("the number of shards"));
}

#[test]
fn clip_benchmarks_classes_take_their_names_from_a_file() {
    let directory = tempdir().unwrap();
    for split in ["train", "test"] {
        let folder = directory.path().join(split);
        std::fs::create_dir(&folder).unwrap();
        shards::write(&folder, "nshards.txt", b"1");
        tar(&folder, "0.tar", |i| vec![("cls", (i % 3).to_string())]);
    }
    shards::write(directory.path(), "classnames.txt", b"cat\nstriped dog\n");
    let dataset = open(directory.path(), &SourceOptions::default()).unwrap();
    assert_eq!(dataset.len(), 12);
    assert_eq!(all_captions(&dataset, 1), ["striped dog"]);
    assert_eq!(dataset.annotation(4).unwrap().metadata.get("class").unwrap(), 1);
    // Class 2 has no name.
    assert!(dataset.annotation(2).unwrap_err().to_string().contains("class `2` of 2"));
    let test = SourceOptions { split: Some("test".to_owned()), ..SourceOptions::default() };
    assert_eq!(open(directory.path(), &test).unwrap().len(), 6);
}
