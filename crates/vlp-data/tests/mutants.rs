//! Damaged tables, tokenizers and patterns by the thousand: an error in words or something that keeps its promises, never a
//! panic. A seed makes every run the same; the fuzz targets in `fuzz/` go on from here.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::tempdir;
use vlp_data::{CsvOptions, DataError, Dataset, Limits, expand_braces};
use vlp_testkit::mutants::{mutate_text, times};
use vlp_testkit::shards;

/// Limits that small files can reach.
fn limits() -> Limits {
    Limits { caption_bytes: 40, metadata_bytes: 200, ..Limits::default() }
}

/// The seeds of a fuzz target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Reads 10,000 mutants; gives how many of so many were accepted.
fn accepted(target: &str, skip: usize, read: impl Fn(&Path) -> Result<Dataset, DataError>) -> u64 {
    let (directory, originals, limits) = (tempdir().unwrap(), seeds(target), limits());
    let mut accepted = 0;
    for seed in 0..10_000 * times() {
        let original = &originals[seed as usize % originals.len()][skip..];
        let path = shards::write(directory.path(), "table", &mutate_text(original, seed));
        match read(&path) {
            Ok(dataset) => {
                for index in 0..dataset.len() {
                    let annotation = dataset.annotation(index).unwrap();
                    for caption in std::iter::once(annotation.caption).chain(annotation.other_captions) {
                        assert!(!caption.is_empty() && caption.trim() == caption, "seed {seed}: {caption:?}");
                        assert!(caption.len() as u64 <= limits.caption_bytes, "seed {seed}: {caption:?}");
                    }
                    assert!(!annotation.key.is_empty(), "seed {seed}");
                }
                accepted += 1;
            }
            Err(DataError::Table { .. } | DataError::NothingKept { .. }) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    accepted / times()
}

// In each test the bounds on what is accepted show that the mutants are neither all harmless nor all hopeless.

#[test]
fn tables_with_separators() {
    for separator in ['\t', ',', ';'] {
        let options = CsvOptions { separator, ..CsvOptions::default() };
        // The first byte of a seed names its separator to the fuzzer.
        let accepted = accepted("csv_table", 1, |path| Dataset::csv(path, &options, limits()));
        assert!((500..9_500).contains(&accepted), "{separator:?}: {accepted}");
    }
}

#[test]
fn json_lines() {
    let accepted = accepted("json_lines", 0, |path| Dataset::json_lines(path, limits()));
    assert!((500..9_500).contains(&accepted), "{accepted}");
}

#[test]
fn lists_known_by_their_content() {
    // The first byte of a seed names its ending to the fuzzer, '0' being a multiple of three.
    for (number, ending) in ["json", "txt", "csv"].into_iter().enumerate() {
        let accepted = accepted("listing", 0, |path| {
            let bytes = fs::read(path).unwrap();
            let Some((_, text)) = bytes.split_first().filter(|(first, _)| usize::from(**first) % 3 == number) else {
                return Err(DataError::Table { path: path.to_owned(), reason: "of another ending".to_owned() });
            };
            let named = path.with_extension(ending);
            fs::write(&named, text).unwrap();
            Dataset::from_path(&named.display().to_string(), limits())
        });
        assert!((300..9_500).contains(&accepted), "{ending}: {accepted}");
    }
}

#[test]
fn brace_patterns() {
    let originals = ["cc/{000..012}.tar::b{1,2,{x,y}}.tar", "{a..c}{01..10..3}/x.tar", "plain.tar"];
    let mut expanded = 0;
    for seed in 0..10_000 * times() {
        let bytes = mutate_text(originals[seed as usize % originals.len()].as_bytes(), seed);
        if let Ok(names) = expand_braces(&String::from_utf8_lossy(&bytes)) {
            assert!(names.len() <= 10_000_000, "seed {seed}");
            expanded += 1;
        }
    }
    assert!((500..9_500).contains(&(expanded / times())), "{expanded}");
}

#[cfg(feature = "hf-tokenizers")]
#[test]
fn tokenizer_files() {
    use vlp_data::{HfTokenizer, Tokenizer};

    const CONTEXT: usize = 9;
    let (directory, originals) = (tempdir().unwrap(), seeds("hf_tokenizer"));
    for original in &originals {
        HfTokenizer::from_path(shards::write(directory.path(), "tokenizer.json", original), CONTEXT).unwrap();
    }
    let mut accepted = 0;
    for seed in 0..10_000 * times() {
        let bytes = mutate_text(&originals[seed as usize % originals.len()], seed);
        let path = shards::write(directory.path(), "tokenizer.json", &bytes);
        match HfTokenizer::from_path(path, CONTEXT) {
            Ok(tokenizer) => {
                let vocabulary = tokenizer.vocab_size();
                assert!(vocabulary <= i32::MAX as usize, "seed {seed}: {vocabulary}");
                for text in ["", "a photo of a dog", "naïve [SEP] </s>\n\u{10fffd}🙂 Ⅷ"] {
                    let ids = tokenizer.encode(text).ids;
                    assert!(ids.len() == CONTEXT && ids.contains(&tokenizer.end_id()), "seed {seed}: {ids:?}");
                    assert!(ids.iter().all(|&id| (id as usize) < vocabulary), "seed {seed}: {ids:?} of {vocabulary}");
                    assert_eq!(tokenizer.encode(text).ids, ids, "seed {seed}");
                }
                accepted += 1;
            }
            Err(DataError::NotATokenizer { .. } | DataError::MissingToken { .. }) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    // Most changes break a name that the format needs.
    assert!((100..9_500).contains(&(accepted / times())), "{accepted}");
}

/// Lines of CLIP's vocabulary changed: few mutants keep all 48,894 merges sound.
#[cfg(feature = "clip-vocab")]
#[test]
fn clip_vocabularies() {
    use std::io::Read;
    use vlp_data::{ClipBpe, ClipVocab, Tokenizer};

    let packed = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");
    let mut original = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).take(16 << 20).read_to_end(&mut original).unwrap();
    let directory = tempdir().unwrap();
    let mut accepted = 0;
    for seed in 0..40 {
        let path = shards::write(directory.path(), "vocab.txt", &mutate_text(&original, seed));
        match ClipVocab::from_path(path) {
            Ok(vocab) => {
                let ids = ClipBpe::with_vocab(vocab, 8).unwrap().encode("a photo of a dog").ids;
                assert!(ids.len() == 8 && ids.iter().all(|&id| id <= ClipVocab::END), "seed {seed}: {ids:?}");
                accepted += 1;
            }
            Err(DataError::NotATokenizer { .. }) => {}
            Err(other) => panic!("seed {seed}: {other}"),
        }
    }
    assert!((1..40).contains(&accepted), "{accepted}");
}
