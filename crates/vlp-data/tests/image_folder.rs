//! Folders of pictures as the `datasets` library reads them: metadata files, splits, classes and their names.

use std::fs;
use std::path::Path;

use tempfile::{TempDir, tempdir};
use vlp_data::{DamageKind, DataError, Dataset, FolderCaptions, Limits, SourceOptions};
use vlp_testkit::shards::{self, picture, png};

/// Files by name; those ending in `.png` are pictures, numbered in their order.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let directory = tempdir().unwrap();
    for (number, (name, text)) in files.iter().enumerate() {
        let path = directory.path().join(name);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = if name.ends_with(".png") { png(number as u32) } else { text.as_bytes().to_vec() };
        shards::write(folder, name, &bytes);
    }
    directory
}

fn open(directory: &Path, options: &SourceOptions) -> Result<Dataset, DataError> {
    Dataset::from_path_with(&directory.display().to_string(), options)
}

fn captions(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect()
}

fn split(name: &str) -> SourceOptions {
    SourceOptions { split: Some(name.to_owned()), ..SourceOptions::default() }
}

#[test]
fn metadata_beside_the_pictures_hold_the_captions() {
    for (name, text) in [
        (
            "metadata.jsonl",
            "{\"file_name\": \"1.png\", \"text\": \"a red\", \"extra\": 1}\n{\"file_name\": \"./2.png\", \"text\": \"a green, plain\"}\n",
        ),
        ("metadata.csv", "file_name,text,extra\n1.png,a red,1\n2.png,\"a green, plain\",\n"),
    ] {
        let directory = folder(&[("1.png", ""), ("2.png", ""), ("3.png", ""), (name, text)]);
        let dataset = open(directory.path(), &SourceOptions::default()).unwrap();
        assert_eq!(captions(&dataset), ["a red", "a green, plain"], "{name}");
        assert_eq!(dataset.sample(1).unwrap().image.pixels(), picture(16, 12, 1).as_raw().as_slice());
        assert!(dataset.annotation(0).unwrap().metadata.get("extra").is_some());
        // A picture without a row is told.
        let left_out = dataset.left_out();
        let (reason, found) = left_out.iter().next().unwrap();
        assert_eq!((reason, &found.examples[..]), ("pictures that no metadata file names", &["3.png".to_owned()][..]));
    }
}

#[test]
fn metadata_of_each_split_are_read_and_splits_can_be_chosen() {
    let directory = folder(&[
        ("test/3.png", ""),
        ("test/metadata.csv", "file_name,text\n3.png,a blue\n"),
        ("train/a/1.png", ""),
        ("train/b/2.png", ""),
        (
            "train/metadata.jsonl",
            "{\"file_name\": \"a/1.png\", \"text\": \"a red\"}\n{\"file_name\": \"b/2.png\", \"text\": \"a green\"}\n",
        ),
    ]);
    let all = open(directory.path(), &SourceOptions::default()).unwrap();
    assert_eq!(captions(&all), ["a red", "a green", "a blue"]);
    assert!(all.warnings()[0].contains("splits test, train are read together"), "{:?}", all.warnings());
    assert!((0..3).all(|i| all.sample(i).is_ok()));
    let train = open(directory.path(), &split("train")).unwrap();
    assert_eq!((captions(&train), train.warnings()), (vec!["a red".to_owned(), "a green".to_owned()], &[][..]));
    assert_eq!(captions(&open(directory.path(), &split("testing")).unwrap()), ["a blue"]);
    let error = open(directory.path(), &split("val")).unwrap_err().to_string();
    assert!(error.contains("no split `val` among test, train"), "{error}");
}

#[test]
fn metadata_at_the_root_may_name_pictures_of_splits() {
    let directory = folder(&[
        ("train/1.png", ""),
        ("val/2.png", ""),
        ("metadata.csv", "file_name,text\ntrain/1.png,one\nval/2.png,two\n"),
    ]);
    assert_eq!(captions(&open(directory.path(), &split("validation")).unwrap()), ["two"]);
    assert_eq!(open(directory.path(), &SourceOptions::default()).unwrap().len(), 2);
}

#[test]
fn metadata_without_captions_say_what_is_missing() {
    let directory = folder(&[("1.png", ""), ("metadata.csv", "file_name,label\n1.png,3\n")]);
    let error = open(directory.path(), &SourceOptions::default()).unwrap_err().to_string();
    assert!(
        error.contains("no column `title`") && error.contains("`file_name`, `label`") && error.contains("`captions`"),
        "{error}"
    );
    let named = SourceOptions { captions: vec!["label".to_owned()], ..SourceOptions::default() };
    assert_eq!(captions(&open(directory.path(), &named).unwrap()), ["3"]);
}

#[test]
fn several_captions_of_a_row_are_kept() {
    let text = "{\"file_name\": \"1.png\", \"captions\": [\"one\", \"two\"], \"recaption\": \"three\"}\n";
    let directory = folder(&[("1.png", ""), ("metadata.jsonl", text)]);
    let annotation = open(directory.path(), &SourceOptions::default()).unwrap().annotation(0).unwrap();
    assert_eq!((annotation.caption.as_str(), annotation.other_captions), ("one", vec!["two".to_owned()]));
    let named = SourceOptions { captions: vec!["recaption".to_owned()], ..SourceOptions::default() };
    assert_eq!(captions(&open(directory.path(), &named).unwrap()), ["three"]);
}

#[test]
fn the_label_is_the_last_folder_and_splits_are_none() {
    let directory = folder(&[("test/cat/3.png", ""), ("train/cat/1.png", ""), ("train/dog/2.png", "")]);
    let all = open(directory.path(), &SourceOptions::default()).unwrap();
    assert_eq!(captions(&all), ["cat", "dog", "cat"]);
    let test = open(directory.path(), &split("test")).unwrap();
    let annotation = test.annotation(0).unwrap();
    assert_eq!((annotation.caption.as_str(), annotation.key.as_str()), ("cat", "test/cat/3.png"));
    assert_eq!(annotation.metadata.get("class").unwrap(), 0);
    assert_eq!(annotation.metadata.text("split"), Some("test"));

    // Folders of folders: the last one; a folder that is in every class says nothing.
    let nested = folder(&[("animals/cat/1.png", ""), ("animals/dog/2.png", ""), ("plants/oak/3.png", "")]);
    assert_eq!(captions(&open(nested.path(), &SourceOptions::default()).unwrap()), ["cat", "dog", "oak"]);
    let tiny = folder(&[("cat/images/1.png", ""), ("dog/images/2.png", "")]);
    assert_eq!(captions(&open(tiny.path(), &SourceOptions::default()).unwrap()), ["cat", "dog"]);
    let one = folder(&[("pets/cat/1.png", ""), ("pets/cat/2.png", "")]);
    assert_eq!(captions(&open(one.path(), &SourceOptions::default()).unwrap()), ["cat", "cat"]);
    // Classes that happen to be called so are classes as long as others are not.
    let vehicles = folder(&[("train/1.png", ""), ("bus/2.png", "")]);
    assert_eq!(captions(&open(vehicles.path(), &SourceOptions::default()).unwrap()), ["bus", "train"]);
    // Pictures of a split without class or caption have none.
    let bare = folder(&[("train/1.png", ""), ("test/2.png", "")]);
    let error = open(bare.path(), &SourceOptions::default()).unwrap_err().to_string();
    assert!(error.contains("0 of 2 samples kept: no_caption 2"), "{error}");
}

#[test]
fn classes_take_their_names_from_a_file() {
    let classes = |extra: &[(&str, &str)]| {
        let pictures = [("n01440764/1.png", ""), ("n01443537/2.png", ""), ("n01443537/3.png", "")];
        folder(&[&pictures[..], extra].concat())
    };
    let by = |file: &str| SourceOptions {
        class_names: Some(file.into()),
        folder: FolderCaptions::Classes,
        ..SourceOptions::default()
    };
    // ImageNet's ids are known.
    let known = classes(&[]);
    let dataset = open(known.path(), &SourceOptions::default()).unwrap();
    assert_eq!(captions(&dataset), ["tench", "goldfish", "goldfish"]);
    assert_eq!(dataset.annotation(2).unwrap().metadata.text("label"), Some("n01443537"));
    assert_eq!(captions(&open(known.path(), &by("imagenet")).unwrap()), ["tench", "goldfish", "goldfish"]);

    let names = tempdir().unwrap();
    for (name, text) in [
        ("classnames.txt", "a fish\nanother fish\n"),
        ("synset_words.txt", "n00000000 none\nn01440764 a fish\nn01443537 another fish\n"),
        ("words.txt", "n01440764\ta fish\nn01443537\tanother fish\n"),
        ("names.csv", "n01440764,a fish\nn01443537,another fish\n"),
        ("class_index.json", r#"{"0": ["n01440764", "a fish"], "1": ["n01443537", "another fish"]}"#),
        ("labels.json", r#"{"n01440764": "a fish", "n01443537": "another fish"}"#),
        ("numbers.json", r#"{"0": "a fish", "1": "another fish"}"#),
        ("list.json", r#"["a fish", "another fish"]"#),
    ] {
        let path = shards::write(names.path(), name, text.as_bytes());
        let dataset = open(known.path(), &by(path.to_str().unwrap())).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(captions(&dataset), ["a fish", "another fish", "another fish"], "{name}");
    }
    let few = shards::write(names.path(), "few.txt", b"a fish\n");
    let error = open(known.path(), &by(few.to_str().unwrap())).unwrap_err().to_string();
    assert!(error.contains("1 lines for 2 class folders"), "{error}");

    let classnames = SourceOptions { folder: FolderCaptions::Classes, ..SourceOptions::default() };
    let beside = classes(&[("classnames.txt", "a fish\nanother fish\n")]);
    assert_eq!(captions(&open(beside.path(), &classnames).unwrap())[0], "a fish");
    let stray = classes(&[("classnames.txt", "one\ntwo\nthree\n")]);
    let dataset = open(stray.path(), &classnames).unwrap();
    assert!(dataset.warnings()[0].contains("class names are left aside"), "{:?}", dataset.warnings());

    let unknown = folder(&[("n99999999/1.png", "")]);
    let dataset = open(unknown.path(), &SourceOptions::default()).unwrap();
    assert!(dataset.warnings()[0].contains("WordNet ids, which say nothing"), "{:?}", dataset.warnings());
    assert!(open(unknown.path(), &by("imagenet")).unwrap_err().to_string().contains("not called by ImageNet's"));
    // Beside folders of another kind ids are no captions either.
    let mixed = folder(&[("n01440764/1.png", ""), ("n99999999/1.png", ""), ("my_own/1.png", "")]);
    let dataset = open(mixed.path(), &SourceOptions::default()).unwrap();
    assert_eq!(captions(&dataset), ["my own", "tench", "n99999999"]);
    assert!(
        dataset.warnings()[0].contains("captions of 1 of 3 class folders are WordNet ids"),
        "{:?}",
        dataset.warnings()
    );
}

#[test]
fn lines_of_a_text_are_captions_when_asked() {
    let directory = folder(&[("1.png", ""), ("1.txt", "one\ntwo\n\nthree\n")]);
    let whole = Dataset::folder(directory.path(), FolderCaptions::Beside, Limits::default()).unwrap();
    assert_eq!(captions(&whole), ["one\ntwo\n\nthree"]);
    let lines = SourceOptions { caption_lines: true, folder: FolderCaptions::Beside, ..SourceOptions::default() };
    let annotation = open(directory.path(), &lines).unwrap().annotation(0).unwrap();
    assert_eq!(
        (annotation.caption.as_str(), annotation.other_captions),
        ("one", vec!["two".to_owned(), "three".to_owned()])
    );
    assert_eq!(whole.tally().count(DamageKind::NoCaption), 0);
}
