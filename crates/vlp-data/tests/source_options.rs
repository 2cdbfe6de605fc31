//! No key of `SourceOptions` is ignored: each one, set alone, changes what is read.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use tempfile::tempdir;
use vlp_data::{DataError, Dataset, SourceOptions};
use vlp_testkit::shards::{self, ShardBuilder, png};

/// Everything that a source shows; an error is something to see as well.
fn seen(path: &Path, options: &SourceOptions) -> String {
    let show = || -> Result<String, DataError> {
        let dataset = Dataset::from_path_with(&path.display().to_string(), options)?;
        let sample = |i: usize| match dataset.sample(i) {
            Ok(sample) => {
                let pixels: u64 = sample.image.pixels().iter().map(|&byte| u64::from(byte)).sum();
                format!("{} {:?} {pixels}\n", sample.annotation.caption, sample.annotation.other_captions)
            }
            Err(damage) => format!("{damage}\n"),
        };
        Ok((0..dataset.len()).map(sample).collect())
    };
    show().unwrap_or_else(|error| error.to_string())
}

/// A folder of sources in which each key matters, and for each key its value and the source.
fn cases(folder: &Path) -> Vec<(&'static str, &'static str)> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for i in 0..3 {
        write(&format!("{i}.png"), &png(i));
        write(&format!("n01440764/{i}.png"), &png(i));
        write(&format!("classes/n01440764/{i}.png"), &png(i));
    }
    let clear = image::RgbaImage::from_pixel(8, 8, image::Rgba([200, 0, 0, 0]));
    clear.save(folder.join("clear.png")).unwrap();
    ShardBuilder::new()
        .member("22.05.png", &png(0))
        .member("22.05.txt", b"a plate")
        .member("b.png", &png(1))
        .member("b.txt", b"one\ntwo")
        .member("b.json", br#"{"recaption": "three"}"#)
        .write(folder, "shard.tar");
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&fs::read(folder.join("shard.tar")).unwrap()).unwrap();
    write("packed.tar.gz", &packed.finish().unwrap());
    write("table.csv", b"filepath,other,title\n0.png,1.png,\"a plate\"\n0.png,1.png,a cup\n1.png,2.png,a jug, blue\n");
    write("splits.jsonl", b"{\"image\": \"0.png\", \"caption\": \"a\", \"split\": \"train\"}\n{\"image\": \"1.png\", \"caption\": \"b\", \"split\": \"test\"}\n");
    write("clear.jsonl", b"{\"image\": \"clear.png\", \"caption\": \"nothing\"}\n");
    write("names.json", br#"{"n01440764": "a fish of mine"}"#);
    vec![
        (r#"{"captions": ["recaption"]}"#, "shard.tar"),
        (r#"{"caption_lines": true}"#, "shard.tar"),
        (r#"{"key": "last_dot"}"#, "shard.tar"),
        (r#"{"unpacked_bytes": 10}"#, "packed.tar.gz"),
        (r#"{"unpack_into": "no/such/folder"}"#, "packed.tar.gz"),
        (r#"{"image": "other"}"#, "table.csv"),
        (r#"{"separator": ";"}"#, "table.csv"),
        (r#"{"quoting": "none"}"#, "table.csv"),
        (r#"{"surplus_cells": "join"}"#, "table.csv"),
        (r#"{"join_rows": true}"#, "table.csv"),
        (r#"{"root": "no/such/folder"}"#, "table.csv"),
        (r#"{"split": "test"}"#, "splits.jsonl"),
        (r#"{"folder": "beside"}"#, "classes"),
        (r#"{"class_names": "NAMES"}"#, "classes"),
        (r#"{"alpha": "drop"}"#, "clear.jsonl"),
        (r#"{"left_out": "refuse"}"#, "shard.tar"),
        (r#"{"limits": {"image_side": 3}}"#, "table.csv"),
        (r#"{"limits": {"image_pixels": 3}}"#, "table.csv"),
        (r#"{"limits": {"entry_bytes": 3}}"#, "shard.tar"),
        (r#"{"limits": {"caption_bytes": 3}}"#, "shard.tar"),
        (r#"{"limits": {"metadata_bytes": 3}, "captions": ["recaption"]}"#, "shard.tar"),
    ]
}

#[test]
fn every_key_changes_what_is_read() {
    let folder = tempdir().unwrap();
    let cases = cases(folder.path());
    let names = folder.path().join("names.json");
    for (text, source) in &cases {
        let text = text.replace("NAMES", names.to_str().unwrap());
        let options: SourceOptions = serde_json::from_str(&text).unwrap();
        let source = folder.path().join(source);
        let (usual, other) = (seen(&source, &SourceOptions::default()), seen(&source, &options));
        assert!(usual.lines().count() > 0 && usual != other, "{text} changes nothing in {}: {usual}", source.display());
    }
    let Ok(serde_json::Value::Object(keys)) = serde_json::to_value(SourceOptions::default()) else {
        panic!("no table")
    };
    for key in keys.keys() {
        assert!(cases.iter().any(|(text, _)| text.contains(&format!("\"{key}\""))), "{key} is not tried");
    }
}

#[test]
fn parts_of_a_mixture_keep_their_limits_and_their_treatment_of_transparency() {
    let folder = tempdir().unwrap();
    cases(folder.path());
    let open = |source: &str, options: &str| {
        let options: SourceOptions = serde_json::from_str(options).unwrap();
        Dataset::from_path_with(folder.path().join(source).to_str().unwrap(), &options).unwrap()
    };
    let clear = || open("clear.jsonl", "{}");
    let dropped = || open("clear.jsonl", r#"{"alpha": "drop"}"#);
    let small = || open("clear.jsonl", r#"{"limits": {"image_side": 3}}"#);
    for order in [[clear(), dropped(), small()], [dropped(), small(), clear()], [small(), clear(), dropped()]] {
        let right: Vec<Option<u8>> = order.iter().map(|one| one.sample(0).ok().map(|s| s.image.pixels()[1])).collect();
        let mixed = Dataset::mix(order.map(|dataset| (dataset, 1.0))).unwrap();
        let found: Vec<Option<u8>> = (0..3).map(|i| mixed.sample(i).ok().map(|s| s.image.pixels()[1])).collect();
        assert_eq!(found, right);
        assert!(right.contains(&None) && right.contains(&Some(255)) && right.contains(&Some(0)), "{right:?}");
        let inspected = mixed.inspect(&Default::default()).unwrap();
        assert_eq!(inspected.damaged.count("dimensions"), 1);
    }
    // Held-out samples are read as the others are.
    let many: String = (0..40)
        .map(|i| {
            fs::copy(folder.path().join("clear.png"), folder.path().join(format!("clear{i}.png"))).unwrap();
            format!("{{\"image\": \"clear{i}.png\", \"caption\": \"{i}\"}}\n")
        })
        .collect();
    shards::write(folder.path(), "many.jsonl", many.as_bytes());
    let (train, held) = open("many.jsonl", r#"{"alpha": "drop"}"#).hold_out(0.5).unwrap();
    for part in [train, held] {
        assert_eq!(part.sample(0).unwrap().image.pixels()[..3], [200, 0, 0]);
    }
}
