//! Folders of pictures as people have them: links, stray files, other formats, endings in capitals.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::tempdir;
use vlp_data::{Dataset, FolderCaptions, Limits, SourceOptions};
use vlp_testkit::shards::png;

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn classes(root: &Path) {
    (0..12).for_each(|i| put(root, &format!("{}/{i}.JPEG", ["cat", "dog", "owl"][i % 3]), &png(i as u32)));
}

fn open(root: &Path) -> Dataset {
    Dataset::from_path(root.to_str().unwrap(), Limits::default()).unwrap()
}

fn captions(dataset: &Dataset) -> Vec<String> {
    let mut captions: Vec<String> = (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect();
    captions.sort();
    captions.dedup();
    captions
}

#[test]
fn links_to_folders_are_followed_and_never_in_circles() {
    let directory = tempdir().unwrap();
    let (big, subset) = (directory.path().join("big"), directory.path().join("subset"));
    classes(&big);
    fs::create_dir(&subset).unwrap();
    symlink(big.join("cat"), subset.join("cat")).unwrap();
    symlink(big.join("owl"), subset.join("owl")).unwrap();
    put(&subset, "own/1.jpg", &png(1));
    let dataset = open(&subset);
    assert_eq!((dataset.len(), captions(&dataset)), (9, vec!["cat".into(), "owl".into(), "own".into()]));
    assert!(dataset.left_out().is_empty());
    dataset.sample(0).unwrap();

    // To itself, to the root, to what is around it, to each other, and to nothing.
    symlink(&big, big.join("cat/all")).unwrap();
    symlink(big.join("cat"), big.join("cat/self")).unwrap();
    symlink(directory.path(), big.join("dog/around")).unwrap();
    symlink(big.join("owl"), big.join("cat/owl")).unwrap();
    symlink(big.join("cat"), big.join("owl/cat")).unwrap();
    symlink("nothing", big.join("owl/nothing.jpg")).unwrap();
    let dataset = open(&big);
    // Four of each class, and those of owl and cat once more through the links.
    assert_eq!(dataset.len(), 20);
    let left_out = dataset.left_out();
    assert_eq!(left_out.count("links that lead nowhere"), 2);
    assert!(left_out.count("links to a folder that holds them") >= 5, "{left_out}");
}

#[test]
fn a_maze_of_links_ends() {
    let directory = tempdir().unwrap();
    let folders: Vec<_> = (0..12).map(|i| directory.path().join(format!("f{i}"))).collect();
    for (i, folder) in folders.iter().enumerate() {
        put(folder, "a.jpg", &png(i as u32));
    }
    for folder in &folders {
        for (i, other) in folders.iter().enumerate().filter(|(_, other)| *other != folder) {
            symlink(other, folder.join(format!("to{i}"))).unwrap();
        }
    }
    let dataset = open(directory.path());
    assert!((12..=12 * 17).contains(&dataset.len()), "{}", dataset.len());
    assert!(dataset.left_out().count("folders too deep, or with too many links to them") > 0);
}

#[test]
fn a_stray_text_or_json_leaves_class_folders_alone() {
    for stray in ["README.txt", "wnids.txt", "_annotations.coco.json", "cat/notes.txt", "dog/classes.json"] {
        let directory = tempdir().unwrap();
        classes(directory.path());
        put(directory.path(), stray, b"{}");
        let dataset = open(directory.path());
        assert_eq!(
            (dataset.len(), captions(&dataset)),
            (12, vec!["cat".into(), "dog".into(), "owl".into()]),
            "{stray}"
        );
        assert_eq!(dataset.left_out().total(), 1, "{stray}");
    }
    // One picture in twelve has a text of its name: the folders decide, and it is said.
    let directory = tempdir().unwrap();
    classes(directory.path());
    put(directory.path(), "cat/0.txt", b"a cat");
    let dataset = open(directory.path());
    assert_eq!((dataset.len(), captions(&dataset).len()), (12, 3));
    assert!(
        dataset.warnings()[0].contains("1 of 12 pictures have a .txt")
            && dataset.warnings()[0].contains("FolderCaptions::Beside")
    );
}

#[test]
fn captions_are_read_where_they_pair_with_pictures() {
    let directory = tempdir().unwrap();
    for i in 0..4 {
        put(directory.path(), &format!("deep/{i}.jpg"), &png(i));
        put(directory.path(), &format!("deep/{i}.txt"), format!("\u{feff}caption {i}\n").as_bytes());
    }
    put(directory.path(), "X.JPG", &png(9));
    put(directory.path(), "X.TXT", b"in capitals");
    put(directory.path(), "v2.0.png", &png(9));
    put(directory.path(), "v2.0.txt", b"with a dot");
    put(directory.path(), "v2.0.JSON", b"{\"score\": NaN, \"seed\": 7}");
    put(directory.path(), "j.webp.png", &png(9));
    put(directory.path(), "j.webp.json", b"{\"caption\": \"from json\", \"score\": Infinity}");
    put(directory.path(), "broken.png", &png(9));
    put(directory.path(), "broken.txt", b"text is enough");
    put(directory.path(), "broken.json", b"{\"caption\": ");
    put(directory.path(), "00000_stats.json", b"{}");
    let dataset = open(directory.path());
    let right = [
        "caption 0",
        "caption 1",
        "caption 2",
        "caption 3",
        "from json",
        "in capitals",
        "text is enough",
        "with a dot",
    ];
    assert_eq!(captions(&dataset), right);
    assert_eq!((dataset.tally().total(), dataset.left_out().count("files ending in .json")), (0, 1));
    let index = (0..dataset.len()).find(|&i| dataset.annotation(i).unwrap().key == "v2.0.png").unwrap();
    assert_eq!(dataset.annotation(index).unwrap().metadata.get("seed"), Some(&7.into()));
}

#[test]
fn what_is_left_out_is_counted_by_its_ending() {
    let directory = tempdir().unwrap();
    for ending in ["xbm", "jpg", "heic", "JPG", "xcf", "PSD"] {
        put(directory.path(), &format!("river/1{ending}.{ending}"), &png(1));
        put(directory.path(), &format!("grain/2{ending}.{ending}"), &png(1));
    }
    put(directory.path(), "grain/.DS_Store", b"x");
    put(directory.path(), "LICENSE", b"x");
    let dataset = open(directory.path());
    let left_out = dataset.left_out();
    let count = |ending: &str| left_out.count(&format!("files ending in .{ending}"));
    assert_eq!((dataset.len(), left_out.total()), (4, 10), "{left_out}");
    assert_eq!((count("xbm"), count("heic"), count("xcf"), count("psd")), (2, 2, 2, 2));
    assert_eq!((left_out.count("hidden files"), left_out.count("files without an ending")), (1, 1));
}

#[test]
fn an_error_names_the_switch() {
    let directory = tempdir().unwrap();
    classes(directory.path());
    let error = Dataset::folder(directory.path(), FolderCaptions::Beside, Limits::default()).unwrap_err().to_string();
    assert!(
        error.contains("0 of 12 samples kept") && error.contains("`FolderCaptions::Classes` (\"classes\")"),
        "{error}"
    );
    let flat = tempdir().unwrap();
    put(flat.path(), "a.jpg", &png(1));
    let error = Dataset::folder(flat.path(), FolderCaptions::Auto, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("`FolderCaptions::Beside` (\"beside\")"), "{error}");
    let none = tempdir().unwrap();
    put(none.path(), "a/1.heic", &png(1));
    let error = Dataset::folder(none.path(), FolderCaptions::Auto, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("1 x files ending in .heic"), "{error}");
}

/// Folders of Flickr8k, Flickr30k, COCO and Karpathy: the names of their folders are no captions.
#[test]
fn a_list_of_captions_in_the_folder_is_named_instead_of_passed_over() {
    let coco =
        r#"{"images": [{"id": 1, "file_name": "1.png"}], "annotations": [{"image_id": 1, "caption": "a plate"}]}"#;
    let lists: [(&str, &str); 6] = [
        ("Flickr8k.token.txt", "1.png#0\tA plate .\n1.png#1\tA cup .\n"),
        ("captions.txt", "image,caption\n1.png,A plate .\n"),
        ("results.csv", "image_name| comment_number| comment\n1.png| 0| A plate .\n"),
        ("rows.jsonl", "{\"image\": \"1.png\", \"caption\": \"a plate\"}\n"),
        ("annotations/captions_val2017.json", coco),
        (
            "dataset_coco.json",
            r#"{"images": [{"filename": "1.png", "split": "val", "sentences": [{"raw": "a plate"}]}]}"#,
        ),
    ];
    for (name, text) in lists {
        for pictures in ["Images", "Images/deep", "."] {
            let directory = tempdir().unwrap();
            put(directory.path(), &format!("{pictures}/1.png"), &png(1));
            put(directory.path(), name, text.as_bytes());
            put(directory.path(), "readme.txt", b"Pictures and captions, see the paper.");
            let open = |options: &SourceOptions| Dataset::from_path_with(directory.path().to_str().unwrap(), options);
            let error = open(&SourceOptions::default()).unwrap_err().to_string();
            assert!(error.contains(&format!("captions are listed in `{name}`: open `")), "{error}");
            if pictures != "." {
                let classes = SourceOptions { folder: FolderCaptions::Classes, ..SourceOptions::default() };
                assert_eq!(open(&classes).unwrap().len(), 1);
            }
        }
    }
    // What lists no captions changes nothing, nor does a list beside pictures with captions of their own.
    let directory = tempdir().unwrap();
    classes(directory.path());
    put(directory.path(), "labels.csv", b"image,label\ncat/0.JPEG,cat\n");
    put(directory.path(), "_annotations.coco.json", br#"{"images": [], "annotations": [], "categories": []}"#);
    assert_eq!(captions(&open(directory.path())), ["cat", "dog", "owl"]);
    let directory = tempdir().unwrap();
    put(directory.path(), "1.png", &png(1));
    put(directory.path(), "1.txt", b"my own");
    put(directory.path(), "list.csv", b"image,caption\n1.png,another\n");
    assert_eq!(captions(&open(directory.path())), ["my own"]);
}
