//! Captions in JSON as COCO, Karpathy and others publish them.

use std::fs;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use vlp_data::{DataError, Dataset, SourceOptions};
use vlp_testkit::shards::{self, png};

/// A document in `annotations`, and four pictures in `images`, beside that folder.
fn document(name: &str, images: &str, value: &Value) -> (TempDir, String) {
    let directory = tempdir().unwrap();
    let (annotations, images) = (directory.path().join("annotations"), directory.path().join(images));
    fs::create_dir_all(&annotations).unwrap();
    fs::create_dir_all(&images).unwrap();
    (0..4).for_each(|i| drop(shards::write(&images, &format!("{i}.png"), &png(i))));
    let path = shards::write(&annotations, name, value.to_string().as_bytes()).display().to_string();
    (directory, path)
}

fn open(path: &str, split: Option<&str>) -> Result<Dataset, DataError> {
    Dataset::from_path_with(path, &SourceOptions { split: split.map(str::to_owned), ..SourceOptions::default() })
}

fn all_captions(dataset: &Dataset, i: usize) -> Vec<String> {
    let annotation = dataset.annotation(i).unwrap();
    [vec![annotation.caption], annotation.other_captions].concat()
}

fn said(i: usize) -> Vec<String> {
    (0..5).map(|j| format!("A plate {i} said {j}.")).collect()
}

#[test]
fn cocos_captions_are_read_from_their_annotations() {
    let images: Vec<Value> =
        (0..4).map(|i| json!({"id": 7 + i, "file_name": format!("{i}.png"), "height": 12})).collect();
    let notes = |i: usize| {
        said(i)
            .into_iter()
            .enumerate()
            .map(move |(j, caption)| json!({"image_id": 7 + i, "id": 5 * i + j, "caption": caption}))
    };
    let annotations: Vec<Value> = (0..4).flat_map(notes).collect();
    let coco = json!({"info": {}, "images": images, "licenses": [], "annotations": annotations});
    for folder in ["val2017", "images/val2017", "images", "annotations"] {
        let (_directory, path) = document("captions_val2017.json", folder, &coco);
        let dataset = open(&path, None).unwrap();
        assert_eq!((dataset.len(), dataset.tally().total()), (4, 0));
        assert_eq!(all_captions(&dataset, 2), said(2));
        assert!(dataset.sample(3).is_ok(), "{folder}");
        assert_eq!(open(&path, Some("val")).unwrap().len(), 4);
        assert!(open(&path, Some("train")).unwrap_err().to_string().contains("no split `train`"));
    }
    // Boxes are no captions, and captions of a picture that is not listed are told.
    let boxes =
        json!({"images": [{"id": 1, "file_name": "0.png"}], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}]});
    let (_directory, path) = document("instances.json", "images", &boxes);
    assert!(open(&path, None).unwrap_err().to_string().contains("captions are in `captions_*.json`"));
    let stray = json!({"images": [{"id": 1, "file_name": "0.png"}],
        "annotations": [{"image_id": 1, "caption": "a"}, {"image_id": 2, "caption": "b"}]});
    let (_directory, path) = document("stray.json", "images", &stray);
    assert_eq!(open(&path, None).unwrap().left_out().count("row"), 1);
}

#[test]
fn karpathys_sentences_and_splits() {
    let image = |i: usize, split: &str| {
        let sentences: Vec<Value> = said(i).iter().map(|raw| json!({"raw": raw, "tokens": []})).collect();
        json!({"filename": format!("{i}.png"), "filepath": "val2014", "split": split, "sentences": sentences})
    };
    let images = json!([image(0, "train"), image(1, "restval"), image(2, "val"), image(3, "test")]);
    let (_directory, path) =
        document("dataset_coco.json", "images/val2014", &json!({"images": images, "dataset": "coco"}));
    let all = open(&path, None).unwrap();
    assert_eq!((all.len(), all_captions(&all, 1)), (4, said(1)));
    assert!((0..4).all(|i| all.sample(i).is_ok()));
    for (split, keys) in [
        ("train", vec!["val2014/0.png", "val2014/1.png"]),
        ("validation", vec!["val2014/2.png"]),
        ("test", vec!["val2014/3.png"]),
    ] {
        let dataset = open(&path, Some(split)).unwrap();
        let found: Vec<String> = (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().key).collect();
        assert_eq!(found, keys, "{split}");
    }
    assert!(
        open(&path, Some("dev2")).unwrap_err().to_string().contains("no split `dev2` among restval, test, train, val")
    );
}

#[test]
fn a_list_of_objects_is_read_as_its_lines_are() {
    let list = json!([{"image": "0.png", "caption": ["one", "two"], "image_id": 3}, {"image": "1.png", "caption": "three"}, {"image": "2.png"}]);
    let (_directory, path) = document("flickr30k_train.json", "images", &list);
    let dataset = open(&path, None).unwrap();
    assert_eq!((dataset.len(), all_captions(&dataset, 0)), (2, vec!["one".to_owned(), "two".to_owned()]));
    assert_eq!(dataset.tally().to_string(), "no_caption 1");
    assert_eq!(dataset.annotation(0).unwrap().metadata.get("image_id").unwrap(), 3);
    assert!(dataset.sample(1).is_ok());
}

#[test]
fn lines_take_sentences_filenames_and_named_fields() {
    let directory = tempdir().unwrap();
    let lines = "\u{feff}{\"filename\": \"0.png\", \"sentences\": [{\"raw\": \"one\"}, {\"raw\": \"two\"}], \"split\": \"train\"}\n\
                 {\"filename\": \"1.png\", \"caption\": \"three\", \"llava_caption\": \"four\", \"split\": \"test\"}\n";
    let path = shards::write(directory.path(), "t.jsonl", lines.as_bytes()).display().to_string();
    let dataset = open(&path, None).unwrap();
    assert_eq!(
        (all_captions(&dataset, 0), all_captions(&dataset, 1)),
        (vec!["one".to_owned(), "two".to_owned()], vec!["three".to_owned()])
    );
    assert_eq!(open(&path, Some("test")).unwrap().annotation(0).unwrap().key, "1.png");
    let named =
        SourceOptions { captions: vec!["caption".to_owned(), "llava_caption".to_owned()], ..SourceOptions::default() };
    let dataset = Dataset::from_path_with(&path, &named).unwrap();
    assert_eq!((dataset.len(), all_captions(&dataset, 0)), (1, vec!["three".to_owned(), "four".to_owned()]));
}

/// As Python's `json` writes what is no number.
#[test]
fn documents_may_hold_not_a_number() {
    let (directory, path) = document("x.json", "images", &json!([]));
    for text in [
        r#"[{"image": "0.png", "caption": "one", "score": NaN}]"#,
        r#"{"images": [{"id": 1, "file_name": "0.png", "score": Infinity}], "annotations": [{"image_id": 1, "caption": "one"}]}"#,
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(all_captions(&open(&path, None).unwrap(), 0), ["one"]);
    }
    drop(directory);
}

#[test]
fn other_documents_are_refused_with_what_is_read() {
    for value in [json!({"a": 1}), json!([1, 2]), json!("x"), json!({"images": 3})] {
        let (_directory, path) = document("x.json", "images", &value);
        let error = open(&path, None).unwrap_err();
        assert!(matches!(&error, DataError::Table { .. }), "{error}");
    }
}

#[test]
fn lines_are_read_under_the_names_that_people_give_them() {
    let directory = tempdir().unwrap();
    let lines: String = (0..3)
        .map(|i| {
            shards::write(directory.path(), &format!("{i}.png"), &png(i));
            format!("{}\n", json!({"image_file_name": format!("{i}.png"), "text": format!("plate {i}")}))
        })
        .collect();
    for name in ["rows.jsonl", "rows.ndjson", "rows.json"] {
        let path = shards::write(directory.path(), name, lines.as_bytes());
        let dataset = open(path.to_str().unwrap(), None).unwrap();
        assert_eq!((dataset.len(), all_captions(&dataset, 2)), (3, vec!["plate 2".to_owned()]), "{name}");
    }
}
