//! Names of shards, packed shards, and names in shards, as people have them.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;
use vlp_data::{DamageKind, DataError, Dataset, KeyRule, Limits, TarOptions};
use vlp_testkit::shards::{self, ShardBuilder, png, shard};

fn keys(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|index| dataset.annotation(index).unwrap().key).collect()
}

fn captions(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|index| dataset.annotation(index).unwrap().caption).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn open(bytes: &[u8], options: &TarOptions) -> Result<Dataset, DataError> {
    let directory = tempdir().unwrap();
    let path = shards::write(directory.path(), "train-000.tar", bytes);
    Dataset::from_shards_with([path], options, Limits::default())
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tars").join(name)).unwrap()
}

#[test]
fn stars_stand_for_the_files_there_are_in_the_order_of_their_names() {
    let directory = tempdir().unwrap();
    for (number, name) in
        ["training_1.tar", "training_0.tar", "training_10.tar", "other.tar", "training_0.json"].iter().enumerate()
    {
        shard(10 * number, 1, 1).write(directory.path(), name);
    }
    let of =
        |pattern: &str| Dataset::from_path(&format!("{}/{pattern}", directory.path().display()), Limits::default());
    assert_eq!(keys(&of("training_*.tar").unwrap()), ["000010", "000000", "000020"]);
    assert_eq!(keys(&of("training_?.tar").unwrap()), ["000010", "000000"]);
    assert_eq!(keys(&of("{training_[1-9]*,other}.tar").unwrap()), ["000000", "000020", "000030"]);
    let error = of("validation_*.tar").unwrap_err().to_string();
    assert!(error.contains("no file matches it"), "{error}");
    // A file of that very name is no pattern.
    shard(77, 1, 1).write(directory.path(), "a[0].tar");
    assert_eq!(keys(&of("a[0].tar").unwrap()), ["000077"]);
}

/// The same two pairs, packed by Python's `tarfile` and the tools of that name.
#[test]
fn packed_shards_are_recognised_by_their_bytes() {
    let directory = tempdir().unwrap();
    let names: &[&str] = if cfg!(feature = "compressed") {
        &["plain.tar", "plain.tar.gz", "plain.tgz", "plain.tar.zst", "plain.tar.xz", "plain.tar.bz2"]
    } else {
        &["plain.tar", "plain.tar.gz", "plain.tgz"]
    };
    let right = Dataset::from_shards_with(
        [shards::write(directory.path(), "right.tar", &golden("plain.tar"))],
        &TarOptions::default(),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(right.len(), 2);
    for name in names {
        for named in [*name, "wrongly-named.tar"] {
            let path = shards::write(directory.path(), named, &golden(name));
            let dataset = Dataset::from_path(path.to_str().unwrap(), Limits::default()).unwrap();
            assert!(dataset.warnings().is_empty(), "{name}: {:?}", dataset.warnings());
            assert_eq!(dataset.len(), 2, "{name}");
            for index in 0..2 {
                assert_eq!(dataset.sample(index).unwrap(), right.sample(index).unwrap(), "{name}");
            }
        }
    }
    // All of them in one source, and as a folder.
    let packed = tempdir().unwrap();
    names.iter().for_each(|name| _ = shards::write(packed.path(), name, &golden(name)));
    let all = Dataset::from_path(packed.path().to_str().unwrap(), Limits::default()).unwrap();
    assert_eq!(all.len(), 2 * names.len());
    assert_eq!(all.sample(2 * names.len() - 1).unwrap(), right.sample(1).unwrap());
}

#[test]
fn a_packed_shard_cut_anywhere_keeps_whole_samples_and_says_so() {
    let whole = gzip(&shard(0, 4, 4).bytes());
    for length in (0..whole.len()).step_by(97) {
        match open(&whole[..length], &TarOptions::default()) {
            Ok(dataset) => {
                assert!(
                    dataset.warnings().iter().any(|warning| warning.contains("the gzip stream breaks")),
                    "{length}"
                );
                assert!(dataset.len() <= 4);
                (0..dataset.len()).for_each(|index| _ = dataset.sample(index).unwrap());
            }
            Err(DataError::NoSamples { .. } | DataError::NoCaptions { .. }) => {}
            Err(other) => panic!("{length}: {other}"),
        }
    }
}

#[test]
fn a_bomb_is_refused() {
    let zeros = vec![0; 100 << 20];
    let bomb = gzip(&zeros);
    let error = open(&bomb, &TarOptions::default()).unwrap_err().to_string();
    assert!(error.contains("unpacks to more than 256 times"), "{error}");
    let room = TarOptions { unpacked_bytes: 4000, ..TarOptions::default() };
    let error = open(&gzip(&shard(0, 4, 4).bytes()), &room).unwrap_err().to_string();
    assert!(error.contains("raise `TarOptions::unpacked_bytes`"), "{error}");
    let nowhere = TarOptions { unpack_into: Some("/nowhere/at/all".into()), ..TarOptions::default() };
    let error = open(&gzip(&shard(0, 4, 4).bytes()), &nowhere).unwrap_err().to_string();
    assert!(error.contains("`TarOptions::unpack_into`"), "{error}");
}

#[test]
fn no_bytes_of_a_file_reach_a_message_as_they_are() {
    let mut damaged = shard(0, 2, 2).bytes();
    // The size of the second member, which messages quote, and its name.
    damaged[1024..1034].copy_from_slice(b"\x1b[2J\x1b]0;x\x07");
    damaged[1024 + 124..1024 + 134].copy_from_slice(b"\x1b[31m\xff\xfe\x00\x9b0");
    let shard =
        shard(0, 1, 1).raw_member("x\u{1b}[2J.png", tar::EntryType::Regular, 3, b"abc").member("y\u{202e}.png", b"abc");
    let deceiving = ShardBuilder::new().member("\u{202e}gnp.0.jpg", b"x").sample("a", &png(0), "a caption", "x");
    for bytes in [damaged, shard.bytes(), deceiving.bytes(), b"\x1b[2J not a tar \xff".repeat(100)] {
        let directory = tempdir().unwrap();
        let path = shards::write(directory.path(), "train-000.tar", &bytes);
        let told = match Dataset::from_shards([path], Limits::default()) {
            Ok(dataset) => {
                let mut told = dataset.warnings().to_vec();
                told.push(dataset.left_out().to_string().replace('\n', " "));
                for index in 0..dataset.len() {
                    told.push(dataset.name(index));
                    told.extend(dataset.sample(index).err().map(|damage| damage.to_string()));
                }
                told
            }
            Err(error) => vec![error.to_string()],
        };
        for text in told {
            assert!(!text.contains(char::is_control) && !text.contains('\u{202e}'), "{text:?}");
        }
    }
}

#[test]
fn names_with_dots_are_counted_and_read_by_an_option() {
    let names = ["plate v2.0 front", "plate v2.0 back", "22.05", "22.06", "scan_2024.01.02_001"];
    let builder = (0..3).fold(ShardBuilder::new(), |shard, i| {
        shard.sample(&format!("set.1/{i:04}"), &png(i), &format!("plate {i}"), "x")
    });
    let builder = names.iter().enumerate().fold(builder, |shard, (i, name)| {
        shard
            .member(&format!("{name}.jpg"), &png(10 + i as u32))
            .member(&format!("{name}.txt"), format!("caption of {name}").as_bytes())
    });
    let bytes = builder.member("0000.cls", b"1").member("._0000.jpg", b"x").bytes();

    let dataset = open(&bytes, &TarOptions::default()).unwrap();
    assert_eq!(keys(&dataset), ["set.1/0000", "set.1/0001", "set.1/0002"]);
    let warning = dataset.warnings().join("\n");
    assert!(warning.contains("10 members belong to no sample"), "{warning}");
    assert!(warning.contains("`plate v2.0 front.jpg`: key `plate v2`, field `0 front.jpg`"), "{warning}");
    assert!(warning.contains("last_dot"), "{warning}");
    let left_out = dataset.left_out();
    assert_eq!(left_out.count("members with a dot in their key"), 10);
    assert_eq!((left_out.count("files ending in .cls"), left_out.count("hidden files"), left_out.total()), (1, 1, 12));

    let only = ShardBuilder::new().member("22.05.jpg", &png(0)).member("22.05.txt", b"a caption").bytes();
    let error = open(&only, &TarOptions::default()).unwrap_err().to_string();
    assert!(error.contains("key `22`, field `05.jpg`"), "{error}");

    let last = TarOptions { key: KeyRule::LastDot, ..TarOptions::default() };
    let dataset = open(&bytes, &last).unwrap();
    assert_eq!(keys(&dataset)[3..], names);
    assert_eq!(captions(&dataset)[3], "caption of plate v2.0 front");
    assert_eq!((dataset.left_out().total(), dataset.warnings().len()), (2, 0));
    assert_eq!(serde_json::from_str::<TarOptions>(r#"{"key": "last_dot"}"#).unwrap(), last);
}

/// What open_clip 3.3.0 with webdataset 0.2.86 makes of the same members.
#[test]
fn repeated_keys_and_second_pictures_are_taken_as_open_clip_takes_them() {
    let of = |members: &[&str]| {
        let builder = members.iter().enumerate().fold(ShardBuilder::new(), |shard, (i, name)| {
            match name.to_lowercase().ends_with("txt") {
                true => shard.member(name, format!("caption {i}").as_bytes()),
                false => shard.member(name, &png(i as u32)),
            }
        });
        open(&builder.bytes(), &TarOptions::default()).unwrap()
    };
    let picture = |dataset: &Dataset, index: usize| {
        let pixels = dataset.sample(index).unwrap().image.pixels().to_vec();
        (0..16).find(|&seed| shards::picture(16, 12, seed).as_raw() == &pixels).unwrap()
    };
    let apart = of(&["a.jpg", "a.txt", "b.jpg", "b.txt", "a.jpg", "a.txt"]);
    assert_eq!(
        (keys(&apart), captions(&apart)),
        (vec!["a".into(), "b".into(), "a".into()], vec!["caption 1".into(), "caption 3".into(), "caption 5".into()])
    );
    assert_eq!([0, 1, 2].map(|index| picture(&apart, index)), [0, 2, 4]);
    assert!(apart.warnings()[0].contains("1 samples have the key of another one"), "{:?}", apart.warnings());
    let beside = of(&["a.jpg", "a.txt", "a.jpg", "a.txt"]);
    assert_eq!((captions(&beside), picture(&beside, 1)), (vec!["caption 1".into(), "caption 3".into()], 2));
    let lost = of(&["a.jpg", "a.jpg", "a.txt", "b.jpg", "b.txt"]);
    assert_eq!(
        (captions(&lost), lost.tally().count(DamageKind::NoCaption)),
        (vec!["caption 2".into(), "caption 4".into()], 1)
    );

    for (members, right) in [
        (["a.jpg", "a.png", "a.txt"], 0),
        (["a.png", "a.jpg", "a.txt"], 1),
        (["a.webp", "a.jpeg", "a.txt"], 1),
        (["a.png", "a.jpeg", "a.txt"], 0),
        (["a.JPEG", "a.PNG", "a.TXT"], 1),
    ] {
        let dataset = of(&members);
        assert_eq!((dataset.len(), picture(&dataset, 0)), (1, right), "{members:?}");
        assert_eq!(dataset.left_out().count("pictures beside another one of their sample"), 1);
        assert!(dataset.warnings()[0].contains("1 pictures are left out"), "{:?}", dataset.warnings());
    }
    // open_clip loses what does not lie side by side; here it is found.
    assert_eq!(captions(&of(&["a.jpg", "b.jpg", "a.txt", "b.txt"])), ["caption 2", "caption 3"]);
    assert_eq!(keys(&of(&["X.JPG", "X.TXT"])), ["X"]);
}

/// Metadata that nobody reads destroys nothing; where the caption is read from it, Python's dialect is accepted.
#[test]
fn metadata_as_python_writes_it() {
    let huge = format!("{{\"id\": {}}}", "9".repeat(500));
    let large = format!("{{\"caption\": \"x\", \"pad\": \"{}\"}}", "a".repeat(2 << 20));
    let with_text: &[&str] = &[
        "{\"s\": NaN}",
        "[1, 2]",
        "{\"label\": ",
        "\u{feff}{}",
        &huge,
        &large,
        "{\"caption\": \"a plate \\ud83d\"}",
        "\"text\"",
        "",
    ];
    let mut builder = ShardBuilder::new();
    for (number, json) in with_text.iter().enumerate() {
        let key = format!("text{number}");
        builder = builder.member(&format!("{key}.png"), &png(0)).member(&format!("{key}.txt"), b"from txt");
        builder = builder.member(&format!("{key}.json"), json.as_bytes());
    }
    let alone: [(&str, Result<&str, DamageKind>); 6] = [
        ("{\"caption\": \"a plate\", \"similarity\": NaN, \"x\": -Infinity}", Ok("a plate")),
        ("\u{feff}{\"caption\": \"a red plate\"}", Ok("a red plate")),
        ("{\"caption\": \"a plate \\ud83d\"}", Ok("a plate \u{fffd}")),
        ("{\"caption\": NaN}", Err(DamageKind::NoCaption)),
        ("[\"a plate\"]", Err(DamageKind::Metadata)),
        ("{\"caption\": \"a pla", Err(DamageKind::Metadata)),
    ];
    for (number, (json, _)) in alone.iter().enumerate() {
        builder = builder
            .member(&format!("json{number}.png"), &png(0))
            .member(&format!("json{number}.json"), json.as_bytes());
    }
    let builder = builder.member("bom.png", &png(0)).member("bom.txt", "\u{feff}a red plate".as_bytes());
    let dataset = open(&builder.bytes(), &TarOptions::default()).unwrap();
    assert_eq!(dataset.tally().total(), 0);
    let found = |index| dataset.annotation(index).map(|annotation| annotation.caption).map_err(|damage| damage.kind());
    for (index, json) in with_text.iter().enumerate() {
        assert_eq!(found(index), Ok("from txt".to_owned()), "{}", json.len());
    }
    let unreadable =
        (0..with_text.len()).filter(|&index| dataset.annotation(index).unwrap().metadata.unreadable().is_some());
    assert_eq!(unreadable.collect::<Vec<_>>(), [1, 2, 7, 8]);
    for (number, (_, right)) in alone.iter().enumerate() {
        assert_eq!(found(with_text.len() + number), right.map(str::to_owned));
    }
    assert_eq!(found(dataset.len() - 1), Ok("a red plate".to_owned()));
}
