//! Parquet tables as pyarrow writes them, and damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{TempDir, tempdir};
use vlp_augment::ImageSequence;
use vlp_data::{DamageKind, DataError, Dataset, Limits, ParquetOptions, Picture};
use vlp_testkit::shards::{self, picture as pixels, png};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/parquet").join(name)
}

fn open(path: &Path) -> Result<Dataset, DataError> {
    Dataset::parquet(&path.display().to_string(), &ParquetOptions::default(), Limits::default())
}

/// The bytes that `scripts/golden/parquet.py` puts where a picture would be.
fn stored(i: usize) -> Picture {
    Picture::Encoded((0..40 + 13 * i).map(|j| ((7 * i + j) % 251) as u8).collect())
}

fn text(dataset: &Dataset, i: usize, field: &str) -> Option<String> {
    dataset.annotation(i).unwrap().metadata.text(field).map(str::to_owned)
}

#[test]
fn every_codec_and_both_versions_of_pages_give_the_same_rows() {
    for codec in ["none", "snappy", "gzip", "zstd", "lz4"] {
        for version in [1, 2] {
            let name = format!("{codec}-{version}.parquet");
            let dataset = open(&golden(&name)).unwrap();
            assert_eq!((dataset.len(), dataset.tally().total()), (17, 0), "{name}");
            // Backwards, so that no page is where the last one ended.
            for i in (0..17).rev() {
                assert_eq!(dataset.picture(i).unwrap(), stored(i), "{name}, row {i}");
                let annotation = dataset.annotation(i).unwrap();
                assert_eq!((annotation.key, annotation.caption), (format!("{i:09}"), format!("caption {}", i % 5)));
            }
        }
    }
}

#[test]
fn hugging_faces_structure_of_bytes_and_path() {
    let dataset = open(&golden("hugging-face.parquet")).unwrap();
    assert_eq!(dataset.len(), 17);
    for i in (0..17).filter(|&i| i != 4) {
        assert_eq!(dataset.picture(i).unwrap(), stored(i), "row {i}");
    }
    // Neither bytes nor a path.
    assert_eq!(dataset.picture(4).unwrap_err().kind(), DamageKind::NoImage);
    let annotation = dataset.annotation(5).unwrap();
    assert_eq!(annotation.key, "5.png");
    assert_eq!(annotation.metadata.get("label").unwrap(), 5);
    assert_eq!(annotation.metadata.get("score").unwrap(), 1.25);
    assert_eq!(dataset.annotation(8).unwrap().key, "hugging-face/000000001");
    assert_eq!(dataset.name(8), format!("{}: row 1 of row group 1", golden("hugging-face.parquet").display()));
}

#[test]
fn several_captions_paths_and_other_types() {
    let directory = tempdir().unwrap();
    fs::copy(golden("lists.parquet"), directory.path().join("t.parquet")).unwrap();
    shards::write(directory.path(), "a.png", &png(3));
    let dataset = open(&directory.path().join("t.parquet")).unwrap();
    assert_eq!(dataset.len(), 2);
    let counts = [DamageKind::NoCaption, DamageKind::NoImage].map(|kind| dataset.tally().count(kind));
    assert_eq!(counts, [2, 1], "{}", dataset.tally());
    let sample = dataset.sample(0).unwrap();
    assert_eq!(sample.image.pixels(), pixels(16, 12, 3).as_raw().as_slice());
    assert_eq!((sample.annotation.caption.as_str(), sample.annotation.other_captions), ("one", vec!["two".to_owned()]));
    assert_eq!(sample.annotation.metadata.get("time").unwrap(), 1);
    assert_eq!(sample.annotation.metadata.get("ratio").unwrap(), 0.1);
    assert!(sample.annotation.metadata.get("embedding").is_none());
    assert_eq!(dataset.sample(1).unwrap_err().kind(), DamageKind::Io);
    let elsewhere = ParquetOptions { root: Some(directory.path().join("none")), ..ParquetOptions::default() };
    let table = directory.path().join("t.parquet").display().to_string();
    let dataset = Dataset::parquet(&table, &elsewhere, Limits::default()).unwrap();
    assert_eq!(dataset.sample(0).unwrap_err().kind(), DamageKind::Io);
}

#[test]
fn img2dataset_rows_that_were_not_fetched_are_counted() {
    let directory = tempdir().unwrap();
    fs::copy(golden("00000.parquet"), directory.path().join("00000.parquet")).unwrap();
    fs::create_dir(directory.path().join("00000")).unwrap();
    shards::write(&directory.path().join("00000"), "000000000.png", &png(0));
    shards::write(&directory.path().join("00000"), "000000002.jpg", &png(2));
    let dataset = Dataset::from_path(&directory.path().display().to_string(), Limits::default()).unwrap();
    assert_eq!(dataset.len(), 3);
    assert_eq!(dataset.tally().to_string(), "no_caption 1, not_fetched 2");
    assert!(dataset.warnings()[0].ends_with("row 2: img2dataset's status is `failed_to_download`"));
    for (i, seed) in [0, 2].into_iter().enumerate() {
        let sample = dataset.sample(i).unwrap();
        assert_eq!(sample.image.pixels(), pixels(16, 12, seed).as_raw().as_slice());
        assert_eq!(sample.annotation.key, format!("00000/00000000{seed}"));
        assert_eq!(text(&dataset, i, "url"), Some(format!("http://example.org/{seed}")));
    }
    assert_eq!(dataset.sample(2).unwrap_err().kind(), DamageKind::Io);
    shards::write(directory.path(), "00000.tar", b"");
    let error = open(&directory.path().join("00000.parquet")).unwrap_err().to_string();
    assert!(error.contains("00000.tar: open the tar shards instead"), "{error}");
}

#[test]
fn several_files_follow_one_another_and_columns_can_be_chosen() {
    let patterns = golden("{snappy-1,zstd-2}.parquet").display().to_string();
    let options = ParquetOptions {
        image_column: Some("jpg".to_owned()),
        caption_column: Some("key".to_owned()),
        ..ParquetOptions::default()
    };
    let dataset = Arc::new(Dataset::parquet(&patterns, &options, Limits::default()).unwrap());
    assert_eq!(dataset.len(), 34);
    assert_eq!(dataset.picture(20).unwrap(), stored(3));
    assert_eq!(dataset.annotation(20).unwrap().caption, "000000003");
    assert_eq!(text(&dataset, 20, "txt").as_deref(), Some("caption 3"));
    // Workers share pages; these bytes are no pictures, which the decoder says of each in order.
    for workers in [1, 3] {
        let damage: Vec<_> = dataset.pass(ImageSequence::new(), workers).unwrap().map(Result::unwrap_err).collect();
        assert_eq!(damage.len(), 34);
        for (i, damage) in damage.iter().enumerate() {
            let Picture::Encoded(bytes) = stored(i % 17) else { unreachable!() };
            assert_eq!(*damage, vlp_data::Damage::Format(bytes[..32].to_vec()), "{workers} workers, row {i}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let error = |path: &Path, options: &ParquetOptions| {
        Dataset::parquet(&path.display().to_string(), options, Limits::default()).unwrap_err().to_string()
    };
    let usual = ParquetOptions::default();
    let message = error(&golden("brotli.parquet"), &usual);
    assert!(message.contains("row group 0") && message.contains("packed with BROTLI"), "{message}");
    let named = ParquetOptions { caption_column: Some("alt".to_owned()), ..usual.clone() };
    let message = error(&golden("zstd-1.parquet"), &named);
    assert!(message.contains("no column of captions named alt among jpg, txt, key: name it in"), "{message}");
    let number = ParquetOptions { image_column: Some("label".to_owned()), ..usual.clone() };
    let message = error(&golden("hugging-face.parquet"), &number);
    assert!(message.contains("column label is neither text, binary nor a structure"), "{message}");
    let directory = tempdir().unwrap();
    for (bytes, wanted) in [
        (&b""[..], "no Parquet file"),
        (b"PAR1PAR1", "no Parquet file"),
        (b"<html>404</html>", "no Parquet file"),
        (b"PAR1\xff\xff\xff\xffPAR1", "claims a footer of 4294967295 bytes in a file of 12"),
        (b"PAR1\0\0\0\0PAR1", "the footer is cut off"),
        (b"PAR1\0\0\0\0PARE", "encrypted"),
    ] {
        let message = error(&shards::write(directory.path(), "t.parquet", bytes), &usual);
        assert!(message.contains(wanted), "{message}");
    }
    assert!(error(&directory.path().join("none.parquet"), &usual).contains("cannot read"));
    let remote = Dataset::from_path("https://127.0.0.1/a.parquet", Limits::default()).unwrap_err().to_string();
    assert!(remote.contains("read from disk only: fetch them first"), "{remote}");
}

#[test]
fn pictures_beyond_the_limit_are_damage() {
    let limits = Limits { entry_bytes: 100, ..Limits::default() };
    let path = golden("zstd-1.parquet").display().to_string();
    let dataset = Dataset::parquet(&path, &ParquetOptions::default(), limits).unwrap();
    let kinds: Vec<_> = (0..17).map(|i| dataset.picture(i).err().map(|damage| damage.kind())).collect();
    assert_eq!(kinds[..5], [None; 5]);
    assert_eq!(kinds[5..], [Some(DamageKind::TooLarge); 12]);
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let directory = tempdir().unwrap();
    let whole = fs::read(golden("snappy-1.parquet")).unwrap();
    for length in (0..whole.len()).step_by(97) {
        let path = shards::write(directory.path(), "t.parquet", &whole[..length]);
        assert!(open(&path).unwrap_err().to_string().contains("no Parquet file"), "{length} bytes");
    }
}

/// Opens a file and reads all of it; says how many samples there were and how many of them were good.
fn read_all(directory: &TempDir, bytes: &[u8]) -> Result<(usize, usize), DataError> {
    let dataset = open(&shards::write(directory.path(), "t.parquet", bytes))?;
    let good = (0..dataset.len()).filter(|&i| dataset.annotation(i).is_ok() && dataset.picture(i).is_ok()).count();
    Ok((dataset.len(), good))
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// Bytes changed, runs doubled, runs cut out. In the footer as often as in the pages, and the end mark stays.
fn mutant(whole: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let footer = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().unwrap()) as usize;
    for _ in 0..=random(state) % 4 {
        let end = bytes.len() - 8;
        let span = if random(state).is_multiple_of(2) { end } else { footer.min(end) };
        let at = end - 1 - random(state) as usize % span;
        match random(state) % 8 {
            0..6 => bytes[at] = random(state) as u8,
            6 => drop(bytes.drain(at..(at + 1 + random(state) as usize % 9).min(end))),
            _ => {
                let run = bytes[at..(at + 8).min(end)].to_vec();
                bytes.splice(at..at, run);
            }
        }
    }
    bytes
}

#[test]
fn two_thousand_mutants_are_errors_damage_or_samples() {
    let directory = tempdir().unwrap();
    let (mut state, mut refused, mut damaged, mut whole) = (20, 0, 0, 0);
    for name in ["hugging-face", "snappy-1", "zstd-2", "gzip-1", "lists"] {
        let original = fs::read(golden(&format!("{name}.parquet"))).unwrap();
        for _ in 0..400 {
            match read_all(&directory, &mutant(&original, &mut state)) {
                Err(_) => refused += 1,
                Ok((samples, good)) if good < samples => damaged += 1,
                Ok(_) => whole += 1,
            }
        }
    }
    assert_eq!(refused + damaged + whole, 2000);
    // All three really happen: the mutants neither miss the file nor break it at the first byte.
    assert!(refused > 100 && damaged > 100 && whole > 100, "{refused} refused, {damaged} damaged, {whole} whole");
}

#[test]
fn halves_and_decimals_are_metadata_and_what_is_left_out_is_told() {
    let dataset = open(&golden("numbers.parquet")).unwrap();
    let field = |i: usize, name: &str| dataset.annotation(i).unwrap().metadata.get(name).cloned();
    assert_eq!(field(0, "half").unwrap(), 0.1);
    assert_eq!(field(1, "half").unwrap(), -65504.0);
    assert_eq!(field(2, "half"), None);
    assert_eq!((field(0, "price").unwrap(), field(1, "price").unwrap()), (12.5.into(), (-0.07).into()));
    assert_eq!(field(0, "whole").unwrap(), 123_456_789_012_i64);
    assert_eq!((field(1, "whole").unwrap(), field(2, "whole").unwrap()), ((-5).into(), 0.into()));
    // More digits than a double keeps.
    assert_eq!(field(0, "long").unwrap(), "12345678901234567890.123");
    assert_eq!(field(1, "long").unwrap(), -0.001);
    assert_eq!((field(0, "vector"), field(0, "blob")), (None, None));
    assert!(dataset.warnings()[0].contains("left out of the metadata: `vector`, `blob`"), "{:?}", dataset.warnings());
}

#[test]
fn metadata_of_an_image_folder_may_be_parquet() {
    let directory = tempdir().unwrap();
    fs::copy(golden("metadata.parquet"), directory.path().join("metadata.parquet")).unwrap();
    (1..4).for_each(|i| drop(shards::write(directory.path(), &format!("000{i}.png"), &png(i))));
    let dataset = Dataset::from_path(&directory.path().display().to_string(), Limits::default()).unwrap();
    let captions: Vec<String> = (0..dataset.len()).map(|i| dataset.annotation(i).unwrap().caption).collect();
    assert_eq!(captions, ["a red", "a green"]);
    assert_eq!(dataset.sample(1).unwrap().image.pixels(), pixels(16, 12, 2).as_raw().as_slice());
    assert_eq!(dataset.left_out().count("pictures that no metadata file names"), 1);
}
