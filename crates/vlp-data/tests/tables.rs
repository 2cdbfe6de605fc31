//! Tables, folders, IDX files and zips: their samples, and a clear error or a counted skip where something is wrong.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use tempfile::{TempDir, tempdir};
use vlp_data::{CsvOptions, Damage, DamageKind, DataError, Dataset, FolderCaptions, Limits};
use vlp_testkit::shards::{self, picture, png};
use zip::write::SimpleFileOptions;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tables").join(name)
}

fn captions(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect()
}

/// A folder with `a/0.png`, `a/1.png` and `b_c/2.png`.
fn folder() -> TempDir {
    let directory = tempdir().unwrap();
    for (sub, number) in [("a", 0), ("a", 1), ("b_c", 2)] {
        fs::create_dir_all(directory.path().join(sub)).unwrap();
        shards::write(&directory.path().join(sub), &format!("{number}.png"), &png(number));
    }
    directory
}

#[test]
fn a_table_is_read_as_open_clip_reads_it() {
    let directory = folder();
    let absolute = directory.path().join("b_c/2.png");
    let text = format!(
        "filepath\ttitle\tlabel\na/0.png\t\"with \"\"quotes\"\"\tand a tab\"\tx\n{}\t12.5\ty\n",
        absolute.display()
    );
    let path = shards::write(directory.path(), "t.tsv", text.as_bytes());
    let dataset = Dataset::csv(&path, &CsvOptions::default(), Limits::default()).unwrap();
    assert_eq!(captions(&dataset), ["with \"quotes\"\tand a tab", "12.5"]);
    let sample = dataset.sample(1).unwrap();
    assert_eq!(sample.image.pixels(), picture(16, 12, 2).as_raw().as_slice());
    assert_eq!(sample.annotation.metadata.text("label"), Some("y"));
}

#[test]
fn separator_columns_and_root_can_be_chosen() {
    let (pictures, tables) = (folder(), tempdir().unwrap());
    let path = shards::write(tables.path(), "t.csv", b"\xef\xbb\xbfimg,text\na/1.png,one\n");
    let options = CsvOptions {
        separator: ',',
        image_column: "img".to_owned(),
        caption_column: "text".to_owned(),
        root: Some(pictures.path().to_owned()),
        ..CsvOptions::default()
    };
    let dataset = Dataset::csv(&path, &options, Limits::default()).unwrap();
    assert_eq!(dataset.sample(0).unwrap().annotation.caption, "one");
}

#[test]
fn bad_rows_are_counted_and_bad_tables_refused() {
    let directory = folder();
    let long = "x".repeat(70_000);
    let mut text =
        format!("filepath\ttitle\n\tno path\na/0.png\t \na/0.png\na/0.png\t{long}\na/1.png\tgood\n").into_bytes();
    text.extend(b"a/2.png\t\xff\xfe\n");
    let path = shards::write(directory.path(), "t.tsv", &text);
    let dataset = Dataset::csv(&path, &CsvOptions::default(), Limits::default()).unwrap();
    assert_eq!(captions(&dataset), ["good"]);
    let counts = [DamageKind::NoImage, DamageKind::NoCaption, DamageKind::TooLarge, DamageKind::Encoding]
        .map(|k| dataset.tally().count(k));
    assert_eq!(counts, [1, 2, 1, 1], "{}", dataset.tally());
    assert!(dataset.warnings()[0].contains("row 1"), "{:?}", dataset.warnings());

    let refused = |name: &str, text: &[u8], options: &CsvOptions| {
        let path = shards::write(directory.path(), name, text);
        Dataset::csv(path, options, Limits::default()).unwrap_err().to_string()
    };
    let tab = CsvOptions::default();
    let error = refused("commas.csv", b"filepath,title\na/0.png,x\n", &tab);
    assert!(
        error.contains("no column `filepath` between separators '\\t'") && error.contains("`filepath,title`"),
        "{error}"
    );
    let error = refused("none.tsv", b"filepath\ttitle\na/0.png\t\na/1.png\t\n", &tab);
    assert!(error.contains("0 of 2 samples kept: no_caption 2"), "{error}");
    assert!(refused("empty.tsv", b"", &tab).contains("no column"));
    let wide = CsvOptions { separator: 'é', ..tab.clone() };
    assert!(refused("wide.tsv", b"filepath\ttitle\n", &wide).contains("not one ASCII character"));
    let mut open_quote = b"filepath\ttitle\na/0.png\t\"never closed ".to_vec();
    open_quote.resize(40 << 20, b'x');
    assert!(refused("quote.tsv", &open_quote, &tab).contains("a quote without its end?"));
}

/// The names of the columns come again with every row, so that a long header would multiply.
#[test]
fn a_table_cannot_multiply_its_header() {
    let directory = folder();
    let open = |header: &str, rows: &str| {
        let path = shards::write(directory.path(), "t.tsv", format!("filepath\ttitle{header}\n{rows}").as_bytes());
        Dataset::csv(path, &CsvOptions::default(), Limits::default())
    };
    let short = open("\tlabel\tartist", "a/0.png\tx\ty\n").unwrap().annotation(0).unwrap();
    assert_eq!((short.metadata.text("label"), short.metadata.get("artist")), (Some("y"), None));
    assert!(open(&"\tx".repeat(998), "a/0.png\tx\n").is_ok());
    for header in ["\tx".repeat(999), format!("\t{}", "x".repeat(256))] {
        let error = open(&header, "a/0.png\tx\n").unwrap_err().to_string();
        assert!(error.contains("at most 1000 and 255 are read"), "{error}");
    }
}

#[test]
fn files_that_are_no_pictures_are_damage_when_they_are_read() {
    let directory = folder();
    fs::write(directory.path().join("page.jpg"), "<html>404</html>").unwrap();
    let text = "filepath\ttitle\npage.jpg\tx\nmissing.png\tx\na\tx\n/dev/zero\tx\na/0.png\tx\n";
    let path = shards::write(directory.path(), "t.tsv", text.as_bytes());
    let limits = Limits { entry_bytes: png(0).len() as u64 - 1, ..Limits::default() };
    let kind = |limits: &Limits, i: usize| {
        let dataset = Dataset::csv(&path, &CsvOptions::default(), limits.clone()).unwrap();
        dataset.sample(i).unwrap_err().kind()
    };
    let wanted =
        [DamageKind::Format, DamageKind::Io, DamageKind::NotRegular, DamageKind::NotRegular, DamageKind::TooLarge];
    for (i, wanted) in wanted.into_iter().enumerate() {
        assert_eq!(kind(&limits, i), wanted, "row {i}");
    }
}

#[test]
fn json_lines_take_one_caption_or_several() {
    let directory = folder();
    let long = "x".repeat(2 << 20);
    let text = format!(
        "{{\"image\": \"a/0.png\", \"caption\": \"one\", \"label\": 3}}\n\n[1]\n{{\"caption\": \"{long}\"}}\n\
         {{\"file_name\": \"a/1.png\", \"captions\": [\"two\", \" \", \"three\"]}}\n{{\"image\": \"a/0.png\"}}"
    );
    let path = shards::write(directory.path(), "t.jsonl", text.as_bytes());
    let dataset = Dataset::json_lines(path, Limits::default()).unwrap();
    assert_eq!(captions(&dataset), ["one", "two"]);
    assert_eq!(dataset.annotation(1).unwrap().other_captions, ["three"]);
    assert_eq!(dataset.annotation(0).unwrap().metadata.get("label").unwrap(), 3);
    let counts = [DamageKind::Metadata, DamageKind::TooLarge, DamageKind::NoCaption].map(|k| dataset.tally().count(k));
    assert_eq!(counts, [1, 1, 1], "{}", dataset.tally());
    assert!(dataset.sample(1).is_ok());
}

#[test]
fn a_folder_gives_class_names_or_the_captions_beside() {
    let directory = folder();
    let open = |captions| Dataset::folder(directory.path(), captions, Limits::default());
    let classes = open(FolderCaptions::Auto).unwrap();
    assert_eq!(captions(&classes), ["a", "a", "b c"]);
    let annotation = classes.annotation(2).unwrap();
    assert_eq!((annotation.metadata.text("label"), annotation.key.as_str()), (Some("b_c"), "b_c/2.png"));
    assert_eq!(annotation.metadata.get("class").unwrap(), 1);

    fs::write(directory.path().join("a/0.txt"), "from txt\n").unwrap();
    fs::write(directory.path().join("a/1.json"), r#"{"caption": "from json", "label": "z"}"#).unwrap();
    let beside = open(FolderCaptions::Auto).unwrap();
    assert_eq!(captions(&beside), ["from txt", "from json"]);
    assert_eq!(beside.annotation(1).unwrap().metadata.text("label"), Some("z"));
    assert_eq!(beside.tally().count(DamageKind::NoCaption), 1);
    assert_eq!(open(FolderCaptions::Classes).unwrap().len(), 3);

    let empty = tempdir().unwrap();
    let error = Dataset::folder(empty.path(), FolderCaptions::Auto, Limits::default()).unwrap_err();
    assert!(
        error.to_string().contains("no .jpg, .png, .jpeg, .webp") && error.to_string().contains("Left out: nothing"),
        "{error}"
    );
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|n| n.to_be_bytes()));
    file.extend(bytes);
    file
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn idx_files_are_read_plain_and_gzipped_and_checked() {
    let directory = tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| shards::write(directory.path(), name, bytes);
    let pixels: Vec<u8> = (0..12).collect();
    let (images, labels) = (idx(&[2, 2, 3], &pixels), idx(&[2], &[1, 0]));
    let names = ["shoe", "shirt"];
    let open = |images: &Path, labels: &Path, names: &[&str]| Dataset::idx(images, labels, names, Limits::default());
    let good = (write("i", &images), write("l", &labels));
    for (images, labels) in [good.clone(), (write("i.gz", &gz(&images)), write("l.gz", &gz(&labels)))] {
        let dataset = open(&images, &labels, &names).unwrap();
        assert_eq!(captions(&dataset), ["shirt", "shoe"]);
        let image = dataset.sample(1).unwrap().image;
        assert_eq!((image.width(), image.height(), &image.pixels()[..6]), (3, 2, [6, 6, 6, 7, 7, 7].as_slice()));
        assert!(dataset.sample(2).is_err());
    }
    for (name, images, labels, names, part) in [
        ("few", images.clone(), idx(&[1], &[1]), &names[..], "labels of the shape [1] for 2 pictures"),
        ("class", images.clone(), labels.clone(), &names[..1], "class 1, but captions for 1 classes"),
        ("short", idx(&[2, 2, 3], &pixels[..11]), labels.clone(), &names[..], "12 bytes declared"),
        ("long", idx(&[2, 2, 3], &[0; 13]), labels.clone(), &names[..], "12 bytes declared, more found"),
        ("bomb", idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), labels.clone(), &names[..], "bytes declared in a file of"),
        ("bomb.gz", gz(&idx(&[60_000, 28, 28], &[0; 9])), labels.clone(), &names[..], "bytes declared in a file of"),
        ("none", idx(&[0, 2, 3], &[]), idx(&[0], &[]), &names[..], "no pictures"),
        ("flat", idx(&[2, 6], &pixels), labels.clone(), &names[..], "the shape [2, 6]"),
        ("magic", b"\x89PNG1234".to_vec(), labels.clone(), &names[..], "not an IDX file"),
    ] {
        let error = open(&write(name, &images), &write("labels", &labels), names).unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    assert!(matches!(open(&write("cut", &[0]), &good.1, &names), Err(DataError::Read { .. })));
}

#[test]
fn conceptual_captions_are_read_from_object_arrays() {
    let directory = folder();
    let dataset = Dataset::conceptual_captions(golden("cc3m.npy"), directory.path(), Limits::default()).unwrap();
    assert_eq!(captions(&dataset), ["a red square", "naïve café"]);
    assert_eq!(dataset.annotation(0).unwrap().other_captions, ["a square that is red"]);
    assert_eq!(dataset.tally().count(DamageKind::NoCaption), 1);
    assert_eq!(dataset.sample(1).unwrap().annotation.key, "a/1.png");
    let twelve = Dataset::conceptual_captions(golden("cc12m.npy"), directory.path(), Limits::default()).unwrap();
    assert_eq!(twelve.annotation(0).unwrap().key, "b/0.jpg");
}

#[test]
fn a_pickle_that_wants_to_run_something_is_refused() {
    for (name, part) in [("evil.pkl", "it wants to import `builtins print`"), ("numbers.npy", "holds no objects")] {
        let error = Dataset::conceptual_captions(golden(name), ".", Limits::default()).unwrap_err().to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
}

/// A pickle of one row that its list names again and again.
fn shared_rows(rows: usize, caption: usize) -> Vec<u8> {
    let text = |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let row = [text("image_id"), text("a/0.png"), text("caption"), text(&"x".repeat(caption))].concat();
    [b"\x80\x02](}q\x00(".as_slice(), &row, b"u", &b"h\x00".repeat(rows - 1), b"e."].concat()
}

#[test]
fn a_pickle_cannot_multiply_one_text() {
    let directory = folder();
    let open = |rows| {
        let path = shards::write(directory.path(), "t.pkl", &shared_rows(rows, 1000));
        Dataset::conceptual_captions(path, directory.path(), Limits::default())
    };
    assert_eq!(open(50).unwrap().len(), 50);
    let error = open(1000).unwrap_err().to_string();
    assert!(error.contains("its rows share texts"), "{error}");
}

#[test]
fn mutated_pickles_never_panic() {
    let directory = tempdir().unwrap();
    for name in ["cc3m.npy", "yfcc-0.pkl", "yfcc-2.pkl", "yfcc-5.pkl"] {
        let whole = fs::read(golden(name)).unwrap();
        for seed in 0..250 {
            let path = shards::write(directory.path(), "t", &shards::mutate(&whole, seed));
            let _ = Dataset::conceptual_captions(&path, ".", Limits::default());
            let _ = Dataset::yfcc(&path, ".", Limits::default());
        }
        for length in 0..whole.len() {
            let path = shards::write(directory.path(), "t", &whole[..length]);
            assert!(Dataset::yfcc(&path, ".", Limits::default()).is_err(), "{name} cut to {length}");
        }
    }
}

/// `images/01/002.zip` with `003.jpg`; what it holds is a PNG, which its first bytes tell.
fn yfcc_root(member: &str, method: zip::CompressionMethod) -> TempDir {
    let directory = tempdir().unwrap();
    fs::create_dir_all(directory.path().join("images/01")).unwrap();
    let mut zip = zip::ZipWriter::new(fs::File::create(directory.path().join("images/01/002.zip")).unwrap());
    zip.start_file(member, SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(&png(3)).unwrap();
    zip.finish().unwrap();
    directory
}

#[test]
fn yfcc_is_read_from_its_zips() {
    let root = yfcc_root("003.jpg", zip::CompressionMethod::Stored);
    for protocol in 0..6 {
        let table = golden(&format!("yfcc-{protocol}.pkl"));
        let dataset = Dataset::yfcc(table, root.path(), Limits::default()).unwrap();
        assert_eq!(captions(&dataset), ["a title", "only a description"], "protocol {protocol}");
        assert_eq!(dataset.tally().count(DamageKind::NoCaption), 1);
        let sample = dataset.sample(0).unwrap();
        assert_eq!(sample.annotation.key, "01002003");
        assert_eq!(sample.annotation.other_captions, ["a description"]);
        assert_eq!(sample.image.pixels(), picture(16, 12, 3).as_raw().as_slice());
        // A zip that lacks the member.
        assert_eq!(dataset.sample(1).unwrap_err().kind(), DamageKind::Archive);
    }
    let small = Limits { entry_bytes: 20, ..Limits::default() };
    let dataset = Dataset::yfcc(golden("yfcc-4.pkl"), root.path(), small).unwrap();
    assert!(matches!(dataset.sample(0), Err(Damage::TooLarge { limit: 20, .. })));
}

#[test]
fn deflated_and_broken_zips() {
    let root = yfcc_root("003.jpg", zip::CompressionMethod::Deflated);
    let open = || Dataset::yfcc(golden("yfcc-4.pkl"), root.path(), Limits::default()).unwrap();
    assert!(open().sample(0).is_ok());
    let path = root.path().join("images/01/002.zip");
    let whole = fs::read(&path).unwrap();
    for seed in 0..300 {
        fs::write(&path, shards::mutate(&whole, seed)).unwrap();
        let _ = open().sample(0);
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(open().sample(0).unwrap_err().kind(), DamageKind::Archive);
    fs::remove_file(&path).unwrap();
    assert_eq!(open().sample(0).unwrap_err().kind(), DamageKind::Io);
}
