//! What an inspection tells of a dataset.

use std::fs;
use std::path::Path;

use tempfile::{TempDir, tempdir};
use vlp_data::{DamageKind, InspectOptions, Limits, SourceOptions, Spread, inspect};
use vlp_testkit::shards::{self, png};

/// Six good rows, of which one repeats a picture under another name and one picture and caption; a row without a caption, one with too
/// many cells, a page in place of a picture, a file that is cut off, and a picture that is missing.
fn table() -> (TempDir, String) {
    let directory = tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| drop(shards::write(directory.path(), name, bytes));
    (0..4).for_each(|i| write(&format!("{i}.png"), &png(i)));
    write("copy.png", &png(2));
    write("page.jpg", b"<html>404</html>");
    write("cut.png", &png(5)[..60]);
    let text = "filepath,title\n0.png,one plate\n1.png,two\n2.png,three plates on a table\n3.png,two\ncopy.png,four\n1.png,two\n0.png, \n\
                0.png,a,b\npage.jpg,x\ncut.png,x\ngone.png,x\n";
    write("t.csv", text.as_bytes());
    let path = directory.path().join("t.csv").display().to_string();
    (directory, path)
}

#[test]
fn everything_is_counted_with_examples() {
    let (_directory, path) = table();
    for workers in [1, 3] {
        let options = InspectOptions { workers: Some(workers), decode: usize::MAX };
        let found = inspect(&path, &SourceOptions::default(), &options).unwrap();
        assert_eq!(found.samples, 9);
        assert_eq!(
            (found.left_out.total(), found.left_out.count("no_caption"), found.left_out.count("row")),
            (2, 1, 1)
        );
        assert!(!found.is_whole());
        let damaged: Vec<(&str, u64)> = found.damaged.iter().map(|(name, reason)| (name, reason.count)).collect();
        assert_eq!(damaged, [("format", 1), ("io", 1), ("pixels", 1)]);
        let example = &found.damaged.iter().next().unwrap().1.examples[0];
        assert!(example.contains("page.jpg") && example.contains("a web page"), "{example}");
        assert_eq!(found.captions.into_iter().collect::<Vec<_>>(), [(1, 6)]);
        assert_eq!(found.words, Spread { least: 1, median: 1, most: 5 });
        assert_eq!(
            (found.width, found.height),
            (Spread { least: 16, median: 16, most: 16 }, Spread { least: 12, median: 12, most: 12 })
        );
        assert_eq!(found.formats.into_iter().collect::<Vec<_>>(), [("PNG".to_owned(), 6)]);
        let again = &found.duplicates;
        assert_eq!((again.pictures, again.captions, again.pairs), (2, 2, 1));
        assert!(
            again.examples[0].contains("copy.png has the picture of") && again.examples[0].ends_with("2.png"),
            "{:?}",
            again.examples
        );
        assert!(found.epoch_seconds > 0.0);
    }
}

/// Without decoding, sizes and formats come from the headers; what only decoding shows is not seen.
#[test]
fn headers_are_enough_for_sizes() {
    let (_directory, path) = table();
    let options = InspectOptions { workers: Some(1), decode: 0 };
    let found = inspect(&path, &SourceOptions::default(), &options).unwrap();
    assert_eq!(found.width, Spread { least: 16, median: 16, most: 16 });
    assert_eq!(found.damaged.count("format"), 1);
    let small = SourceOptions::with_limits(Limits { image_side: 15, ..Limits::default() });
    let found = inspect(&path, &small, &options).unwrap();
    assert_eq!(found.damaged.count(DamageKind::Dimensions.name()), 7);
}

/// The sizes in headers are those of the decoded pictures, whatever the format.
#[test]
fn headers_and_pictures_agree() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images");
    let directory = tempdir().unwrap();
    for entry in fs::read_dir(images).unwrap() {
        let from = entry.unwrap().path();
        let to = directory.path().join("x");
        fs::create_dir_all(&to).unwrap();
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
    let look = |decode| {
        let options = InspectOptions { workers: Some(1), decode };
        inspect(&directory.path().display().to_string(), &SourceOptions::default(), &options).unwrap()
    };
    let (headers, decoded) = (look(0), look(usize::MAX));
    assert_eq!((headers.decoded, decoded.decoded), (0, decoded.samples));
    assert_eq!(
        (headers.width, headers.height, headers.formats),
        (decoded.width, decoded.height, decoded.formats.clone())
    );
    assert!(decoded.formats.len() >= 3, "{:?}", decoded.formats);
}

#[test]
fn it_is_told_in_words_and_in_json() {
    let (directory, path) = table();
    let found = inspect(&path, &SourceOptions::default(), &InspectOptions::default()).unwrap();
    let text = found.to_string();
    for part in [
        "9 samples",
        "left out when opened: 2",
        "1 x row",
        "row 8: 3 cells, the header has 2",
        "captions a sample: 1 x 6",
        "pictures: PNG 6",
        "width: 16 to 16, median 16 pixels",
        "seen before: 2 pictures, 2 captions, 1 pairs of both",
        "an epoch: ",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["samples"], &json["left_out"]["row"]["count"]), (&9.into(), &1.into()));
    assert_eq!(serde_json::from_value::<vlp_data::Inspection>(json).unwrap().left_out, found.left_out);

    let text = "filepath,title\n0.png,one\n1.png,two\n";
    fs::write(directory.path().join("good.csv"), text).unwrap();
    let good = directory.path().join("good.csv").display().to_string();
    assert!(inspect(&good, &SourceOptions::default(), &InspectOptions::default()).unwrap().is_whole());
}
