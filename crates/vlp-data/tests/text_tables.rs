//! Tables of text as people have them: cells that do not fit the header, quotation marks without an end, other separators and names, and
//! the lists that Flickr8k, Flickr30k and Conceptual Captions are published as.

use std::fmt::Write;
use std::fs;

use tempfile::{TempDir, tempdir};
use vlp_data::{
    CsvOptions, DamageKind, DataError, Dataset, LeftOutPolicy, Limits, Quoting, SourceOptions, SurplusCells,
};
use vlp_testkit::shards::{self, png};

fn captions(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect()
}

fn all_captions(dataset: &Dataset, i: usize) -> Vec<String> {
    let annotation = dataset.annotation(i).unwrap();
    [vec![annotation.caption], annotation.other_captions].concat()
}

/// A folder with one table in it, and ten pictures in `img`.
fn table(name: &str, text: &str) -> (TempDir, String) {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join("img")).unwrap();
    (0..10).for_each(|i| drop(shards::write(&directory.path().join("img"), &format!("{i}.png"), &png(i))));
    let path = shards::write(directory.path(), name, text.as_bytes()).display().to_string();
    (directory, path)
}

fn open(path: &str, options: &SourceOptions) -> Result<Dataset, DataError> {
    Dataset::from_path_with(path, options)
}

fn rows(separator: char, count: usize, caption: impl Fn(usize) -> String) -> String {
    let mut text = format!("filepath{separator}title\n");
    (0..count).for_each(|i| writeln!(text, "img/{i}.png{separator}{}", caption(i)).unwrap());
    text
}

#[test]
fn rows_with_surplus_cells_are_counted_or_joined() {
    let text = rows(',', 5, |i| match i {
        3 => "\"quoted, as it should be\"".to_owned(),
        4 => "and an empty end,,".to_owned(),
        _ => format!("plate number {i}, on a table, in the sun"),
    });
    let (_directory, path) = table("t.csv", &text);
    let damaged = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(captions(&damaged), ["quoted, as it should be", "and an empty end"]);
    assert_eq!(damaged.tally().count(DamageKind::Row), 3);
    assert!(damaged.warnings()[0].contains("4 cells, the header has 2"), "{:?}", damaged.warnings());
    let left_out = damaged.left_out();
    assert_eq!((left_out.count("row"), left_out.iter().next().unwrap().1.examples.len()), (3, 3));

    let join = SourceOptions { surplus_cells: SurplusCells::Join, ..SourceOptions::default() };
    let joined = open(&path, &join).unwrap();
    assert_eq!(joined.len(), 5);
    assert_eq!(captions(&joined)[2], "plate number 2, on a table, in the sun");
    assert_eq!(joined.tally().total(), 0);

    let refuse = SourceOptions { left_out: LeftOutPolicy::Refuse, ..SourceOptions::default() };
    let error = open(&path, &refuse).unwrap_err();
    assert!(matches!(error, DataError::LeftOut { total: 3, .. }), "{error}");
    assert!(open(&path, &SourceOptions { left_out: LeftOutPolicy::Refuse, ..join }).is_ok());
}

/// Columns behind the caption keep their cells.
#[test]
fn joined_cells_belong_to_the_caption() {
    let (_directory, path) = table("t.csv", "filepath,title,label\nimg/0.png,one, two, three,x\nimg/1.png,one,y\n");
    let join = SourceOptions { surplus_cells: SurplusCells::Join, ..SourceOptions::default() };
    let dataset = open(&path, &join).unwrap();
    assert_eq!(captions(&dataset), ["one, two, three", "one"]);
    assert_eq!(dataset.annotation(0).unwrap().metadata.text("label"), Some("x"));
    assert_eq!(dataset.annotation(1).unwrap().metadata.text("label"), Some("y"));
}

#[test]
fn an_open_quote_costs_one_row() {
    let caption = |i: usize| match i {
        5 => "\"hello\" said the plate".to_owned(),
        20 | 60 => "\"a quoted start without end".to_owned(),
        40 => "\"quoted as a whole\"".to_owned(),
        70 => "a 5\" screen".to_owned(),
        _ => format!("plate number {i}"),
    };
    let (_directory, path) = table("t.tsv", &rows('\t', 100, caption));
    let dataset = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!((dataset.len(), dataset.tally().to_string().as_str()), (98, "row 2"));
    let captions = captions(&dataset);
    assert_eq!(captions[5], "hello said the plate");
    assert_eq!(captions[20], "plate number 21");
    assert_eq!(captions[39], "quoted as a whole");
    assert_eq!(captions[68], "a 5\" screen");
    let none = SourceOptions { quoting: Quoting::None, ..SourceOptions::default() };
    let raw = open(&path, &none).unwrap();
    assert_eq!(raw.len(), 100);
    assert_eq!(raw.annotation(20).unwrap().caption, "\"a quoted start without end");
    assert_eq!(raw.annotation(5).unwrap().caption, "\"hello\" said the plate");
}

#[test]
fn captions_of_several_lines_stay_whole() {
    let text =
        "filepath,title\r\nimg/0.png,\"first line\r\n\r\nwith \"\"quotes\"\", and a last\"\r\nimg/1.png,\"x\"\r\n";
    let (_directory, path) = table("t.csv", text);
    let dataset = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(captions(&dataset), ["first line\n\nwith \"quotes\", and a last", "x"]);
    // Two such cells in a row, and one that is open until the end.
    let text = "filepath,title,note\nimg/0.png,\"a\nb\",\"c\nd\"\nimg/1.png,\"open\nimg/2.png,x,y\n";
    let (_directory, path) = table("t.csv", text);
    let dataset = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(captions(&dataset), ["a\nb", "x"]);
    assert_eq!(dataset.annotation(0).unwrap().metadata.text("note"), Some("c\nd"));
    assert_eq!(dataset.tally().to_string(), "row 1");
}

/// Not-available cells are text here; pandas, and with it open_clip, makes `nan` of them.
#[test]
fn not_available_stays_text() {
    let (_directory, path) = table("t.tsv", "filepath\ttitle\nimg/0.png\tNA\nimg/1.png\tnull\n");
    assert_eq!(captions(&open(&path, &SourceOptions::default()).unwrap()), ["NA", "null"]);
}

#[test]
fn separator_and_columns_are_found_or_named() {
    for (name, text) in [
        ("semicolon.csv", "filepath;title\nimg/0.png;one, two\n"),
        ("tab.csv", "filepath\ttitle\nimg/0.png\tone, two\n"),
        ("comma.tsv", "filepath,title\nimg/0.png,\"one, two\"\n"),
        ("bars.csv", "image | caption\nimg/0.png|one, two\n"),
        ("excel.csv", "\u{feff}\"filepath\",\"title\"\r\n\"img/0.png\",\"one, two\"\r\n"),
        ("returns.csv", "image,text\rimg/0.png,\"one, two\"\r"),
        ("upper.csv", "File_Name,Caption\nimg/0.png,\"one, two\"\n"),
        ("backslash.csv", "filepath,title\nimg\\0.png,\"one, two\"\n"),
        ("own.txt", "path\tdescription\nimg/0.png\tone, two\n"),
    ] {
        let (_directory, path) = table(name, text);
        let dataset = open(&path, &SourceOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(captions(&dataset), ["one, two"], "{name}");
        assert!(dataset.sample(0).is_ok(), "{name}: {:?}", dataset.sample(0));
    }
    let (_directory, path) = table("own.csv", "id^foto^what^alt\n7^img/0.png^one^two\n");
    let error = open(&path, &SourceOptions::default()).unwrap_err().to_string();
    assert!(error.contains("no column `filepath`"), "{error}");
    let named = SourceOptions {
        separator: Some('^'),
        image: Some("foto".to_owned()),
        captions: vec!["what".to_owned(), "alt".to_owned()],
        ..SourceOptions::default()
    };
    let dataset = open(&path, &named).unwrap();
    assert_eq!(all_captions(&dataset, 0), ["one", "two"]);
    assert_eq!(dataset.annotation(0).unwrap().metadata.text("id"), Some("7"));
}

#[test]
fn text_in_utf_16_is_refused_by_name() {
    let directory = tempdir().unwrap();
    let bytes: Vec<u8> =
        [0xfeff].into_iter().chain("filepath,title\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let path = shards::write(directory.path(), "t.csv", &bytes);
    let error = Dataset::csv(path, &CsvOptions::default(), Limits::default()).unwrap_err().to_string();
    assert!(error.contains("UTF-16"), "{error}");
}

#[test]
fn rows_of_one_picture_are_joined_when_asked() {
    let mut text = "filepath,title\n".to_owned();
    for j in 0..5 {
        (0..6).for_each(|i| writeln!(text, "img/{i}.png,picture {i} said in way {j}").unwrap());
    }
    let (_directory, path) = table("rows.csv", &text);
    let apart = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(apart.len(), 30);
    assert!(apart.warnings()[0].contains("24 rows name the picture of an earlier row"), "{:?}", apart.warnings());
    let joined = open(&path, &SourceOptions { join_rows: true, ..SourceOptions::default() }).unwrap();
    assert_eq!((joined.len(), joined.warnings()), (6, &[][..]));
    assert_eq!(all_captions(&joined, 4), (0..5).map(|j| format!("picture 4 said in way {j}")).collect::<Vec<_>>());
}

#[test]
fn a_json_list_in_a_cell_is_several_captions() {
    let text =
        "raw,split,filename\n\"[\"\"one, a\"\", \"\"two\"\"]\",train,img/0.png\n\"[\"\"three\"\"]\",test,img/1.png\n";
    let (_directory, path) = table("flickr_annotations.csv", text);
    let dataset = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(all_captions(&dataset, 0), ["one, a", "two"]);
    let test = open(&path, &SourceOptions { split: Some("test".to_owned()), ..SourceOptions::default() }).unwrap();
    assert_eq!(captions(&test), ["three"]);
    let error = open(&path, &SourceOptions { split: Some("val".to_owned()), ..SourceOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("no split `val` among test, train"), "{error}");
}

fn flickr(name: &str, header: &str, row: impl Fn(usize, usize) -> String) -> (TempDir, String) {
    let mut text = header.to_owned();
    (0..4).for_each(|i| (0..5).for_each(|j| text += &row(i, j)));
    table(name, &text)
}

#[test]
fn flickrs_lists_are_known_by_their_content() {
    for (directory, path) in [
        flickr("captions.txt", "image,caption\n", |i, j| format!("{i}.png,A plate {i}, said {j} .\n")),
        flickr("results.csv", "image_name| comment_number| comment\n", |i, j| match (i, j) {
            // As the one line of Flickr30k that lacks a bar.
            (1, 4) => format!("{i}.png| {j}   A plate {i}, said {j} .\n"),
            _ => format!("{i}.png| {j}| A plate {i}, said {j} .\n"),
        }),
        flickr("Flickr8k.token.txt", "", |i, j| format!("{i}.png#{j}\tA plate {i}, said {j} .\n")),
        flickr("results_20130124.token", "", |i, j| format!("{i}.png#{j}\tA plate {i}, said {j} .\n")),
    ] {
        let dataset = open(&path, &SourceOptions::default()).unwrap();
        assert_eq!((dataset.len(), dataset.tally().total()), (4, 0), "{path}: {:?}", dataset.warnings());
        assert_eq!(all_captions(&dataset, 1), (0..5).map(|j| format!("A plate 1, said {j} .")).collect::<Vec<_>>());
        // The pictures lie in a folder beside the list.
        assert!(dataset.sample(3).is_ok(), "{path}");

        let test = SourceOptions { split: Some("test".to_owned()), ..SourceOptions::default() };
        assert!(open(&path, &test).unwrap_err().to_string().contains("no split `test`"));
        fs::write(directory.path().join("Flickr_8k.testImages.txt"), "2.png\n").unwrap();
        let test = open(&path, &test).unwrap();
        assert_eq!((test.len(), test.annotation(0).unwrap().key.as_str()), (1, "2.png"));
    }
}

#[test]
fn lists_of_addresses_say_what_to_do() {
    for (name, text) in [
        ("cc3m.tsv", "plate number 0\thttps://example.org/0.jpg\nplate number 1\thttps://example.org/1.jpg\n"),
        ("named.tsv", "caption\turl\nplate\thttps://example.org/0.jpg\n"),
        ("laion.csv", "URL,TEXT\nhttps://example.org/0.jpg,plate\n"),
    ] {
        let (_directory, path) = table(name, text);
        let error = open(&path, &SourceOptions::default()).unwrap_err().to_string();
        assert!(error.contains("img2dataset --url_list") && error.contains(name), "{error}");
    }
    let (_directory, path) = table("urls.jsonl", "{\"url\": \"https://example.org/0.jpg\", \"caption\": \"plate\"}\n");
    let error = open(&path, &SourceOptions::default()).unwrap_err().to_string();
    assert!(error.contains("img2dataset --url_list"), "{error}");
}

#[test]
fn options_are_a_table_that_refuses_unknown_keys() {
    let options: SourceOptions = serde_json::from_str(
        r#"{"captions": ["recaption"], "separator": ";", "quoting": "none", "surplus_cells": "join", "split": "train",
            "folder": "classes", "left_out": "refuse", "limits": {"image_side": 9000}}"#,
    )
    .unwrap();
    assert_eq!((options.separator, options.quoting, options.limits.image_side), (Some(';'), Quoting::None, 9000));
    assert_eq!(options.limits.caption_bytes, Limits::default().caption_bytes);
    let written = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<SourceOptions>(&written).unwrap(), options);
    let error = serde_json::from_str::<SourceOptions>(r#"{"seperator": ";"}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `seperator`") && error.contains("`separator`"), "{error}");

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Train {
        path: String,
        #[serde(flatten)]
        source: SourceOptions,
    }
    let train: Train = serde_json::from_str(r#"{"path": "x.csv", "join_rows": true}"#).unwrap();
    assert_eq!((train.path.as_str(), train.source.join_rows), ("x.csv", true));
    assert!(serde_json::from_str::<Train>(r#"{"path": "x.csv", "joinrows": true}"#).is_err());
}

/// Rows behind a line without an end, and lines beyond the limit, are read.
#[test]
fn a_long_line_is_one_damaged_row() {
    let directory = tempdir().unwrap();
    let mut text = b"filepath\ttitle\na.png\t\"".to_vec();
    text.resize(20 << 20, b'x');
    text.extend(b"\nb.png\tgood\n");
    let path = shards::write(directory.path(), "t.tsv", &text);
    let dataset = Dataset::from_path(&path.display().to_string(), Limits::default()).unwrap();
    assert_eq!(captions(&dataset), ["good"]);
    assert_eq!(dataset.tally().to_string(), "too_large 1");
}
