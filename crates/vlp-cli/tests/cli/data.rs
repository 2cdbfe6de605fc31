//! `vlp data`.

use std::fs;
use std::path::Path;

use vlp_testkit::shards;

use crate::{call, files, folder, is_png, json, out, refused};

/// Seven good pictures with captions, one with two, one that is broken.
fn table(folder: &Path) {
    let mut lines = String::new();
    for number in 0..8 {
        let bytes = if number == 3 { shards::broken_png(number) } else { shards::png(number) };
        fs::write(folder.join(format!("{number}.png")), bytes).unwrap();
        let caption = if number == 0 { "[\"first\", \"second\"]".to_owned() } else { format!("\"picture {number}\"") };
        lines += &format!("{{\"image\": \"{number}.png\", \"caption\": {caption}, \"label\": \"l{number}\"}}\n");
    }
    fs::write(folder.join("pairs.jsonl"), lines).unwrap();
}

#[test]
fn packing_keeps_every_caption_and_counts_what_is_damaged() {
    let folder = folder();
    let path = folder.path();
    table(path);
    let told =
        json(path, &["data", "pack", "pairs.jsonl", "--out", "shards", "--per-shard", "3", "--prefix", "train-"]);
    assert_eq!((&told["samples"], &told["complete"], &told["written"]), (&7.into(), &true.into(), &3.into()), "{told}");
    assert_eq!(told["skipped"], serde_json::json!({ "pixels": 1 }));
    let packed = vlp::data::Dataset::open(path.join("shards"), "train-", Default::default()).unwrap();
    assert_eq!(packed.len(), 7);
    let first = packed.annotation(0).unwrap();
    let captions: Vec<_> = std::iter::once(first.caption).chain(first.other_captions).collect();
    assert_eq!((captions, first.metadata.text("label")), (vec!["first".to_owned(), "second".to_owned()], Some("l0")));
    assert_eq!(packed.annotation(3).unwrap().caption, "picture 4");
    // The same input gives the same bytes, by any number of threads.
    let again =
        ["data", "pack", "pairs.jsonl", "--out", "again", "--per-shard", "3", "--prefix", "train-", "--workers", "1"];
    let text = out(path, &again);
    assert!(text.contains("7 samples in again, skipped: pixels 1") && text.contains("3.png"), "{text}");
    for shard in ["train-00000.tar", "train-00001.tar", "train-00002.tar", "train-manifest.json"] {
        assert_eq!(
            fs::read(path.join("shards").join(shard)).unwrap(),
            fs::read(path.join("again").join(shard)).unwrap()
        );
    }
}

#[test]
fn packing_goes_on_with_what_is_missing_and_only_with_the_same_settings() {
    let folder = folder();
    let path = folder.path();
    table(path);
    let pack = ["data", "pack", "pairs.jsonl", "--out", "shards", "--per-shard", "3"];
    let first = json(path, &pack);
    refused(path, &pack, "--resume");
    fs::remove_file(path.join("shards/00001.tar")).unwrap();
    let told = json(path, &[&pack[..], &["--resume"]].concat());
    assert_eq!((&told["written"], &told["shards"]), (&1.into(), &first["shards"]));
    let other = ["data", "pack", "pairs.jsonl", "--out", "shards", "--per-shard", "4", "--resume"];
    refused(path, &other, "per_shard");
    refused(path, &["data", "pack", "pairs.jsonl", "--out", "new", "--resume"], "new");
    // Shards of others are not touched.
    fs::remove_file(path.join("shards/manifest.json")).unwrap();
    refused(path, &pack, "00000.tar is there already");
}

#[test]
fn packing_refuses_what_it_cannot_read() {
    let folder = folder();
    let path = folder.path();
    table(path);
    refused(path, &["data", "pack", "no/such.tar", "--out", "shards"], "no/such.tar");
    refused(path, &["data", "pack", "pairs.jsonl", "--out", "shards", "--per-shard", "0"], "1 or more");
    refused(path, &["data", "pack", "pairs.jsonl", "--out", "shards", "--quality", "101"], "101");
    refused(path, &["data", "pack", "pairs.jsonl", "--out", "shards", "--prefix", "a/b"], "a/b");
    // Nothing that is well: told after the work, with exit code 1.
    fs::write(path.join("bad.jsonl"), "{\"image\": \"3.png\", \"caption\": \"x\"}\n").unwrap();
    let output = call(path, &["data", "pack", "bad.jsonl", "--out", "bad"]);
    assert_eq!(output.status.code(), Some(1));
    let left = files(&path.join("bad"));
    assert!(left.iter().all(|file| !file.to_string_lossy().contains(".tar")), "{left:?}");
}

#[test]
fn an_index_is_counted_once_and_again_where_a_shard_changes() {
    let folder = folder();
    let path = folder.path();
    shards::shard(0, 4, 2).write(path, "a.tar");
    shards::shard(4, 3, 2).write(path, "b.tar");
    let told = json(path, &["data", "index", "."]);
    assert_eq!((&told["samples"], &told["counted"], &told["out"]), (&7.into(), &2.into(), &"./index.json".into()));
    let file: serde_json::Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    assert_eq!((&file["__kind__"], &file["wids_version"]), (&"wids-shard-index-v1".into(), &1.into()));
    assert_eq!((&file["shardlist"][1]["url"], &file["shardlist"][1]["nsamples"]), (&"b.tar".into(), &3.into()));
    assert_eq!(json(path, &["data", "index", "."])["counted"], 0);
    shards::shard(4, 5, 2).write(path, "b.tar");
    let text = out(path, &["data", "index", "."]);
    assert!(text.contains("9 samples in 2 shards, 1 of them counted now"), "{text}");

    fs::write(path.join("mine.json"), "{}").unwrap();
    refused(path, &["data", "index", ".", "--out", "mine.json"], "mine.json is there");
    refused(path, &["data", "index", "no/such.tar"], "no/such.tar");
    fs::create_dir(path.join("empty")).unwrap();
    refused(path, &["data", "index", "empty"], "holds no .tar");
}

#[test]
fn inspecting_tells_what_there_is_and_what_is_damaged() {
    let folder = folder();
    let path = folder.path();
    table(path);
    let told = json(path, &["data", "inspect", "pairs.jsonl", "--decode", "8", "--sheet", "views.png"]);
    assert_eq!((&told["samples"], &told["damaged"]["pixels"]["count"]), (&8.into(), &1.into()), "{told}");
    assert_eq!((&told["captions"]["2"], &told["formats"]["PNG"]), (&1.into(), &7.into()), "{told}");
    assert!(is_png(&path.join("views.png")));
    let text = out(path, &["data", "inspect", "pairs.jsonl", "--option", "captions=[\"label\"]"]);
    assert!(text.starts_with("pairs.jsonl: 8 samples") && text.contains("captions a sample: 1 x 7"), "{text}");
    refused(path, &["data", "inspect", "pairs.jsonl", "--option", "caption=label"], "unknown field `caption`");
    refused(path, &["data", "inspect", "pairs.jsonl", "--option", "captions"], "KEY=VALUE");
    refused(path, &["data", "inspect", "no/such"], "no/such");
}

/// Packed and read again, from lines of JSON and from shards that were packed before.
#[test]
fn packing_keeps_all_captions_again_and_again() {
    let folder = folder();
    let path = folder.path();
    let said = |i: u32| -> Vec<String> { (0..5).map(|j| format!("picture {i} said in way {j}")).collect() };
    let lines: Vec<String> = (0..6)
        .map(|i| {
            fs::write(path.join(format!("{i}.png")), shards::png(i)).unwrap();
            serde_json::json!({"image": format!("{i}.png"), "captions": said(i), "caption_source": "x"}).to_string()
        })
        .collect();
    fs::write(path.join("list.jsonl"), lines.join("\n")).unwrap();
    for (from, to) in [("list.jsonl", "once"), ("once", "twice")] {
        json(path, &["data", "pack", from, "--out", to]);
        let again = vlp::data::Dataset::open(path.join(to), "", Default::default()).unwrap();
        for i in 0..6 {
            let annotation = again.annotation(i).unwrap();
            assert_eq!([vec![annotation.caption], annotation.other_captions].concat(), said(i as u32), "{to}");
            assert_eq!(annotation.metadata.text("caption_source"), Some("x"));
        }
    }
}

/// Keys of `--option` reach every command that reads data, tables within tables by dots.
#[test]
fn options_say_how_data_is_read() {
    let folder = folder();
    let path = folder.path();
    let png = shards::png(1);
    let dotted = |name: &str| (format!("{name}.png"), format!("{name}.txt"));
    let builder = ["22.05", "22.06", "v2.0 front"].iter().fold(shards::ShardBuilder::new(), |builder, name| {
        let (picture, text) = dotted(name);
        builder.member(&picture, &png).member(&text, b"a plate")
    });
    builder.member("plain.png", &png).member("plain.txt", b"another plate").write(path, "training_0.tar");

    // By webdataset's rule three samples are lost: told, and exit code 1.
    let output = call(path, &["data", "inspect", "training_0.tar"]);
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{text}{error}");
    assert!(text.contains("training_0.tar: 1 samples") && text.contains("22.05.png"), "{text}");
    assert!(error.contains("left out by the source's own rules"), "{error}");
    let last_dot = ["--option", "key=last_dot"];
    assert_eq!(json(path, &[&["data", "inspect", "training_0.tar"][..], &last_dot].concat())["samples"], 4);
    assert_eq!(
        json(path, &[&["data", "pack", "training_*.tar", "--out", "packed"][..], &last_dot].concat())["samples"],
        4
    );
    assert_eq!(json(path, &["data", "index", "training_*.tar"])["samples"], 1);
    let counted = json(path, &[&["data", "index", "training_*.tar"][..], &last_dot].concat());
    assert_eq!((&counted["samples"], &counted["counted"]), (&4.into(), &1.into()), "counted in another way");

    // A limit that no picture is under.
    let small = ["--option", "limits.image_pixels=10", "--option", "limits.image_side=3"];
    let told = json(path, &[&["data", "inspect", "packed"][..], &small].concat());
    assert_eq!(told["damaged"]["dimensions"]["count"], 4, "{told}");
    let train = ["train", "quickstart", "--data", "training_0.tar", "--steps", "1"];
    refused(path, &[&train[..], &["--option", "alpa=drop"]].concat(), "unknown field `alpa`");
    refused(path, &["train", "quickstart", "--option", "key=last_dot"], "--data");
    // A key that is set by hand outlives `--data`, which drops those that belong to the recipe's own.
    shards::shard(0, 200, 3).write(path, "many.tar");
    let mut set = vec!["train", "quickstart", "--data", "many.tar", "--steps", "1", "--out", "run"];
    set.extend(["--set", "batch_size=8", "--set", "distinct_by=labl"]);
    let output = call(path, &set);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("`labl`"), "{error}");
    refused(path, &["data", "index", "training_0.tar", "--option", "key=first"], "last_dot");
}

/// Transparent parts are laid on white or dropped where pictures are made smaller, and what no reader of shards knows is made PNG.
#[test]
fn packing_follows_the_options_of_the_source() {
    let folder = folder();
    let path = folder.path();
    let clear = image::RgbaImage::from_pixel(8, 8, image::Rgba([200, 0, 0, 0]));
    clear.save(path.join("clear.png")).unwrap();
    fs::write(path.join("list.jsonl"), "{\"image\": \"clear.png\", \"caption\": \"a plate\"}\n").unwrap();
    for (alpha, right) in [("on_white", [255; 3]), ("drop", [200, 0, 0])] {
        let option = format!("alpha={alpha}");
        json(path, &["data", "pack", "list.jsonl", "--out", alpha, "--short-side", "4", "--option", &option]);
        let packed = vlp::data::Dataset::open(path.join(alpha), "", Default::default()).unwrap();
        assert_eq!(packed.sample(0).unwrap().image.pixels()[..3], right, "{alpha}");
    }
}
