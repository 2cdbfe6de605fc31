//! Damaged shards: a clear error or a counted skip.

use std::fs;
use std::ops::Range;
use std::thread;

use tar::EntryType;
use tempfile::tempdir;
use vlp_data::{Damage, DamageKind, DataError, Dataset, Limits};
use vlp_testkit::mutants::times;
use vlp_testkit::shards::{self, ShardBuilder, png, shard};

/// Opens one shard made of these bytes.
fn open(bytes: &[u8]) -> Result<Dataset, DataError> {
    let directory = tempdir().unwrap();
    // Kept open: reading goes on after the directory is gone.
    let path = shards::write(directory.path(), "train-000.tar", bytes);
    Dataset::from_shards([path], Limits::default())
}

#[test]
fn a_good_shard_has_all_its_samples_in_order() {
    let dataset = open(&shard(0, 5, 5).bytes()).unwrap();
    assert_eq!(dataset.len(), 5);
    assert_eq!(dataset.tally().total(), 0);
    assert!(dataset.warnings().is_empty(), "{:?}", dataset.warnings());
    for i in 0..5 {
        let sample = dataset.sample(i).unwrap();
        assert_eq!(sample.annotation.key, format!("{i:06}"));
        assert_eq!(sample.annotation.caption, format!("label {i}: picture {i}, test, tag"));
        assert_eq!(sample.annotation.metadata.text("label"), Some(format!("label {i}").as_str()));
        assert_eq!(sample.image.pixels(), shards::picture(16, 12, i as u32).as_raw().as_slice());
    }
    assert!(dataset.sample(5).is_err());
}

#[test]
fn a_caption_comes_from_txt_or_else_from_json() {
    let shard = ShardBuilder::new()
        .member("a.png", &png(0))
        .member("a.txt", b" from txt \n")
        .member("a.json", br#"{"caption": "from json"}"#)
        .member("b.png", &png(0))
        .member("b.json", br#"{"caption": "from json"}"#)
        .member("c.png", &png(0))
        .member("c.txt", b" \n")
        .member("c.json", br#"{"caption": "from json"}"#);
    let dataset = open(&shard.bytes()).unwrap();
    let captions: Vec<String> = (0..3).map(|i| dataset.annotation(i).unwrap().caption).collect();
    assert_eq!(captions, ["from txt", "from json", "from json"]);
}

#[test]
fn a_tar_cut_off_anywhere_keeps_the_whole_samples_before_the_cut() {
    let whole = shard(0, 4, 4).bytes();
    let ends: Vec<usize> = (1..=4).map(|n| shard(0, n, 4).bytes().len() - 1024).collect();
    for length in (0..whole.len()).step_by(61) {
        // Each sample ends with 19 bytes of metadata, padded to a block, and the padding may be missing.
        let complete = ends.iter().filter(|&&end| end - 512 + 19 <= length).count();
        match open(&whole[..length]) {
            Ok(dataset) => {
                // Without a neighbour to compare with, the first sample may lack its metadata.
                let first_alone = dataset.len() == 1 && complete == 0;
                assert!(dataset.len() == complete || first_alone, "{length} bytes: {}", dataset.len());
                for i in 0..complete {
                    let annotation = dataset.sample(i).unwrap().annotation;
                    assert!(annotation.metadata.text("label").is_some(), "{length} bytes, sample {i}");
                }
                // The marker's first block is enough to know that nothing is missing.
                let told = !dataset.warnings().is_empty();
                assert_eq!(told, length < ends[3] + 512, "{length} bytes: {:?}", dataset.warnings());
            }
            Err(DataError::NoSamples { .. } | DataError::NoCaptions { .. }) => {
                assert_eq!(complete, 0, "{length} bytes");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_cut_inside_a_member_is_counted_and_told() {
    let whole = shard(0, 2, 2).bytes();
    let second = shard(0, 1, 2).bytes().len() - 1024;
    let dataset = open(&whole[..second + 600]).unwrap();
    assert_eq!(dataset.len(), 1);
    assert_eq!(dataset.tally().count(DamageKind::Cut), 1);
    assert!(dataset.warnings()[0].contains("ends inside `000001.png`"), "{:?}", dataset.warnings());
}

#[test]
fn a_damaged_png_is_damage_of_that_sample_only() {
    let shard = shard(0, 2, 2).sample("broken", &shards::broken_png(0), "a caption", "label").sample(
        "good",
        &png(9),
        "a caption",
        "label",
    );
    let dataset = open(&shard.bytes()).unwrap();
    assert_eq!(dataset.len(), 4);
    let damage = dataset.sample(2).unwrap_err();
    assert_eq!(damage.kind(), DamageKind::Pixels, "{damage}");
    assert!(dataset.sample(3).is_ok());
}

#[test]
fn an_empty_shard_alone_is_an_error_and_among_others_a_warning() {
    let directory = tempdir().unwrap();
    let zeros = vec![0; 10_240];
    for (name, empty) in [("0.tar", &[][..]), ("1.tar", &zeros)] {
        let path = shards::write(directory.path(), name, empty);
        let error = Dataset::from_shards([path.clone()], Limits::default()).unwrap_err();
        assert!(matches!(error, DataError::NoSamples { shards: 1, .. }), "{error}");
        assert!(error.to_string().contains("no samples in it"), "{error}");

        let good = shard(0, 3, 3).write(directory.path(), "good.tar");
        let dataset = Dataset::from_shards([path, good], Limits::default()).unwrap();
        assert_eq!(dataset.len(), 3);
        assert!(dataset.warnings()[0].contains(name), "{:?}", dataset.warnings());
    }
}

#[test]
fn a_shard_without_captions_is_an_error_that_says_so() {
    let only_pictures = (0..3).fold(ShardBuilder::new(), |s, i| s.member(&format!("{i}.png"), &png(i)));
    let error = open(&only_pictures.bytes()).unwrap_err();
    assert!(error.to_string().contains("0 of 3 samples have a caption"), "{error}");

    let no_field = (0..2).fold(ShardBuilder::new(), |s, i| {
        s.member(&format!("{i}.png"), &png(i)).member(&format!("{i}.json"), b"{\"label\": \"x\"}")
    });
    let error = open(&no_field.bytes()).unwrap_err();
    assert!(error.to_string().contains("0 of 2 samples have a caption"), "{error}");
    assert!(matches!(error, DataError::NoCaptions { samples: 2, .. }));
}

#[test]
fn a_directory_without_shards_is_an_error_that_names_it() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("notes.txt"), "x").unwrap();
    shard(0, 1, 1).write(directory.path(), "test-000.tar");
    let error = Dataset::open(directory.path(), "train-", Limits::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no shard named train-*.tar among its 2 files"), "{text}");
    assert!(text.contains(&directory.path().display().to_string()), "{text}");

    let missing = directory.path().join("nowhere");
    let error = Dataset::open(&missing, "train-", Limits::default()).unwrap_err();
    assert!(matches!(error, DataError::Read { .. }), "{error}");
}

#[test]
fn shards_are_read_in_the_order_of_their_names() {
    let directory = tempdir().unwrap();
    shard(10, 2, 5).write(directory.path(), "train-001.tar");
    shard(0, 2, 5).write(directory.path(), "train-000.tar");
    shard(20, 2, 5).write(directory.path(), "test-000.tar");
    let dataset = Dataset::open(directory.path(), "train-", Limits::default()).unwrap();
    let keys: Vec<String> = (0..4).map(|i| dataset.annotation(i).unwrap().key).collect();
    assert_eq!(keys, ["000000", "000001", "000010", "000011"]);
}

#[test]
fn a_file_that_is_no_tar_is_told() {
    let error = open(&[b'x'; 5000]).unwrap_err();
    assert!(matches!(error, DataError::NoSamples { .. }));
    assert!(error.to_string().contains("archive 1"), "{error}");
}

#[test]
fn sparse_and_linked_members_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo] {
        let shard = shard(0, 1, 1).raw_member("x.png", kind, 0, b"").member("x.txt", b"caption");
        let dataset = open(&shard.bytes()).unwrap();
        assert_eq!((dataset.len(), dataset.tally().count(DamageKind::NotRegular)), (1, 1), "{kind:?}");
    }
    // A terabyte of nothing in one block.
    let mut header = tar::Header::new_gnu();
    header.set_path("x.png").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize.copy_from_slice(b"20000000000\0");
    gnu.sparse[0].offset.copy_from_slice(b"20000000000\0");
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    header.set_cksum();
    let good = shard(0, 1, 1).bytes();
    let mut bytes = good[..good.len() - 1024].to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend([0; 1024]);
    let dataset = open(&bytes).unwrap();
    assert_eq!((dataset.len(), dataset.tally().count(DamageKind::NotRegular)), (1, 1), "{:?}", dataset.warnings());
}

#[test]
fn a_member_that_declares_more_than_there_is_is_damage() {
    let shard = shard(0, 1, 1).raw_member("x.png", EntryType::Regular, 8 << 30, &png(0));
    let dataset = open(&shard.bytes()).unwrap();
    assert_eq!((dataset.len(), dataset.tally().count(DamageKind::Cut)), (1, 1));
}

#[test]
fn names_that_climb_or_are_absolute_are_refused() {
    for name in ["../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\evil.png", "a\u{7}b.png"] {
        let shard = shard(0, 1, 1).raw_member(name, EntryType::Regular, 3, b"abc");
        let dataset = open(&shard.bytes()).unwrap();
        assert_eq!((dataset.len(), dataset.tally().count(DamageKind::Name)), (1, 1), "{name}");
    }
    let shard = ShardBuilder::new().sample("./sub/dir/0001", &png(0), "a caption", "x");
    assert_eq!(open(&shard.bytes()).unwrap().annotation(0).unwrap().key, "sub/dir/0001");
}

#[test]
fn equal_keys_in_two_shards_are_two_samples() {
    let directory = tempdir().unwrap();
    let paths = [shard(0, 2, 2).write(directory.path(), "a.tar"), shard(0, 2, 2).write(directory.path(), "b.tar")];
    assert_eq!(Dataset::from_shards(paths, Limits::default()).unwrap().len(), 4);
}

#[test]
fn a_sample_split_over_two_shards_is_counted_in_both() {
    let directory = tempdir().unwrap();
    let first = shard(0, 1, 1).member("x.png", &png(0)).write(directory.path(), "a.tar");
    let second = shard(1, 1, 1).member("x.txt", b"caption").write(directory.path(), "b.tar");
    let dataset = Dataset::from_shards([first, second], Limits::default()).unwrap();
    assert_eq!(dataset.len(), 2);
    assert_eq!(dataset.tally().count(DamageKind::NoCaption), 1);
    assert_eq!(dataset.tally().count(DamageKind::NoImage), 1);
}

#[test]
fn members_that_are_no_part_of_a_sample_are_ignored() {
    let shard = ShardBuilder::new()
        .raw_member("dir/", EntryType::Directory, 0, b"")
        .member("README", b"text")
        .sample("a.b", &png(0), "ignored: the key ends at the first dot", "x")
        .member("a.cls", b"7")
        .sample("good", &png(0), "a caption", "x");
    let dataset = open(&shard.bytes()).unwrap();
    assert_eq!((dataset.len(), dataset.tally().total()), (1, 0));
}

#[test]
fn captions_that_cannot_be_used_are_damage() {
    let long = vec![b'a'; 65 * 1024];
    let shard = shard(0, 1, 1)
        .member("bytes.png", &png(0))
        .member("bytes.txt", b"\xff\xfe")
        .member("json.png", &png(0))
        .member("json.json", b"{\"label\": ")
        .member("deep.png", &png(0))
        .member("deep.json", "[".repeat(100_000).as_bytes())
        .member("blank.png", &png(0))
        .member("blank.txt", b"  ")
        .member("long.png", &png(0))
        .member("long.txt", &long);
    let dataset = open(&shard.bytes()).unwrap();
    let kinds: Vec<DamageKind> = (1..5).map(|i| dataset.annotation(i).unwrap_err().kind()).collect();
    assert_eq!(kinds, [DamageKind::Encoding, DamageKind::Metadata, DamageKind::Metadata, DamageKind::NoCaption]);
    assert_eq!(dataset.tally().count(DamageKind::TooLarge), 1);
}

/// The index sees how long `.txt` is; a caption in `.json` shows its length when it is read.
#[test]
fn a_caption_in_json_has_the_same_limit() {
    let json = |length| format!("{{\"caption\": \"{}\"}}", "a".repeat(length));
    let shard = ShardBuilder::new()
        .member("fits.png", &png(0))
        .member("fits.json", json(64 << 10).as_bytes())
        .member("long.png", &png(0))
        .member("long.json", json((64 << 10) + 1).as_bytes());
    let dataset = open(&shard.bytes()).unwrap();
    assert_eq!(dataset.annotation(0).unwrap().caption.len(), 64 << 10);
    assert_eq!(dataset.annotation(1).unwrap_err().kind(), DamageKind::TooLarge);
}

#[test]
fn extended_headers_are_bounded() {
    let name = vec![b'a'; 3 << 20];
    let shard = shard(0, 1, 1).raw_member("././@LongLink", EntryType::GNULongName, name.len() as u64, &name);
    let dataset = open(&shard.member("x.png", &png(0)).bytes()).unwrap();
    assert_eq!((dataset.len(), dataset.tally().count(DamageKind::Archive)), (1, 1));
    assert!(dataset.warnings()[0].contains("more than 1 MiB"), "{:?}", dataset.warnings());
}

#[test]
fn long_names_within_reason_are_read() {
    let key = format!("{}/picture", "d".repeat(120));
    let mut archive = tar::Builder::new(Vec::new());
    for (extension, bytes) in [("png", png(0)), ("txt", b"a caption".to_vec())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, format!("{key}.{extension}"), bytes.as_slice()).unwrap();
    }
    let dataset = open(&archive.into_inner().unwrap()).unwrap();
    assert_eq!(dataset.annotation(0).unwrap().key, key);
}

/// What became of some mutants: opened, refused, and samples damaged.
fn mutants(whole: &[u8], seeds: Range<u64>) -> [u64; 3] {
    let directory = tempdir().unwrap();
    let [mut opened, mut refused, mut damaged] = [0; 3];
    for seed in seeds {
        let path = shards::write(directory.path(), "train-000.tar", &shards::mutate(whole, seed));
        match Dataset::from_shards([path], Limits::default()) {
            Ok(dataset) => {
                opened += 1;
                for i in 0..dataset.len() {
                    match dataset.sample(i) {
                        Ok(_) => {}
                        Err(Damage::Pixels { reason, .. }) if reason.contains("panicked") => panic!("seed {seed}"),
                        Err(_) => damaged += 1,
                    }
                }
            }
            Err(DataError::NoSamples { .. } | DataError::NoCaptions { .. }) => refused += 1,
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    [opened, refused, damaged]
}

/// Seeded, so that a failure repeats.
#[test]
fn ten_thousand_mutated_shards_never_panic() {
    let whole = shard(0, 2, 2).bytes();
    let counts = thread::scope(|scope| {
        let parts: Vec<_> = (0..4)
            .map(|part| {
                scope.spawn({
                    let whole = &whole;
                    move || mutants(whole, part * 2500 * times()..(part + 1) * 2500 * times())
                })
            })
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().unwrap())
            .fold([0; 3], |sum, part| std::array::from_fn(|i| sum[i] + part[i]))
    });
    let [opened, refused, damaged] = counts.map(|count| count / times());
    assert_eq!(counts[0] + counts[1], 10_000 * times());
    // That the mutations hit all three outcomes shows that they test something.
    assert!(opened > 2500 && refused > 250 && damaged > 500, "{opened} opened, {refused} refused, {damaged} damaged");
}
