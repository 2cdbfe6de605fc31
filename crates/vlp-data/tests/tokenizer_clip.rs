//! CLIP's byte-pair encoder against open_clip's ids: `tests/golden/tokenizer.json` says how they were made.
#![cfg(feature = "clip-vocab")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;
use vlp_data::{ClipBpe, ClipVocab, DataError, Tokenizer};

#[derive(Deserialize)]
struct Golden {
    vocab_size: usize,
    sot: u32,
    eot: u32,
    counts: BTreeMap<String, usize>,
    cases: Vec<(String, String, Vec<u32>)>,
    truncated: Vec<(usize, String, Vec<u32>)>,
    decode: Vec<(Vec<u32>, String)>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/tokenizer.json")).unwrap()
}

static VOCAB: LazyLock<ClipVocab> = LazyLock::new(|| ClipVocab::embedded().unwrap());

fn clip(context_length: usize) -> ClipBpe {
    ClipBpe::with_vocab(VOCAB.clone(), context_length).unwrap()
}

/// What the golden file holds: up to the first end id.
fn up_to_end(ids: &[u32]) -> &[u32] {
    let end = ids.iter().position(|&id| id == ClipVocab::END).unwrap();
    &ids[..=end]
}

#[test]
fn ids_equal_those_of_open_clip() {
    let golden = golden();
    let tokenizer = clip(ClipBpe::CONTEXT_LENGTH);
    assert_eq!(tokenizer.vocab_size(), golden.vocab_size);
    assert_eq!((ClipVocab::START, tokenizer.end_id()), (golden.sot, golden.eot));
    assert_eq!(golden.cases.len(), golden.counts.values().sum::<usize>());

    let mut found = BTreeSet::new();
    for (category, text, ids) in golden.cases {
        let encoded = tokenizer.encode(&text).ids;
        assert_eq!(encoded.len(), ClipBpe::CONTEXT_LENGTH);
        // The category open_clip stops at the first end id, also where that was typed in the text.
        let same = if category == "open_clip" {
            up_to_end(&encoded) == ids
        } else {
            encoded[..ids.len()] == ids && encoded[ids.len()..].iter().all(|&id| id == ClipBpe::PAD)
        };
        if !same {
            found.insert((category, text));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_long_text_is_cut_with_the_end_id_in_the_last_slot() {
    let whole = clip(1_000);
    let mut cut = 0;
    for (context_length, text, mut ids) in golden().truncated {
        let encoded = clip(context_length).encode(&text);
        ids.resize(context_length, ClipBpe::PAD);
        assert_eq!(encoded.ids, ids, "{text}");
        assert_eq!(encoded.truncated, up_to_end(&whole.encode(&text).ids).len() > context_length, "{text}");
        cut += usize::from(encoded.truncated);
    }
    assert!(cut >= 9, "only {cut} of the texts are longer than their context");
}

#[test]
fn truncation_is_flagged_exactly_when_an_id_is_lost() {
    let tokenizer = clip(5);
    let fits = tokenizer.encode("a dog runs");
    assert_eq!((fits.ids.len(), fits.truncated), (5, false));
    let cut = tokenizer.encode("a dog runs !");
    assert_eq!((cut.ids, cut.truncated), (fits.ids, true));
}

#[test]
fn decoded_ids_equal_those_of_open_clip() {
    let tokenizer = clip(77);
    for (ids, text) in golden().decode {
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
    let error = tokenizer.decode(&[49_408]).unwrap_err();
    assert_eq!(error.to_string(), "id 49408 is not in the vocabulary: ids go from 0 to 49407");
}

#[test]
fn words_already_seen_have_the_same_ids_as_new_ones() {
    let tokenizer = clip(77);
    let twice = tokenizer.encode("unforgettablest unforgettablest").ids;
    let words = up_to_end(&twice);
    let words = &words[1..words.len() - 1];
    let (new, seen) = words.split_at(words.len() / 2);
    assert!(new.len() > 1);
    assert_eq!(new, seen);
}

#[test]
fn the_one_character_that_open_clip_drops_is_dropped() {
    let tokenizer = clip(77);
    assert_eq!(tokenizer.encode("a\u{345}! \u{345} dog").ids, tokenizer.encode("a ! dog").ids);
}

#[test]
fn one_word_of_a_million_letters_and_a_thousandfold_escape_end_soon() {
    let tokenizer = clip(77);
    let started = std::time::Instant::now();
    assert!(tokenizer.encode(&"ab".repeat(500_000)).truncated);
    assert!(tokenizer.encode(&format!("&{}lt;", "amp;".repeat(15_000))).truncated);
    assert!(tokenizer.encode(&" ".repeat(1_000_000)).truncated);
    // Seconds in the slowest build; minutes if the work grew with the square of the length.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_context_without_room_for_text_is_refused() {
    assert!(matches!(ClipBpe::new(2), Err(DataError::ContextTooShort { given: 2, least: 3 })));
    assert_eq!(clip(3).encode("a dog").ids, [49_406, 320, 49_407]);
}

#[test]
fn a_vocabulary_file_reads_like_the_embedded_one_packed_and_unpacked() {
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/bpe_simple_vocab_16e6.txt.gz");
    let folder = tempfile::tempdir().unwrap();
    let unpacked = folder.path().join("vocab.txt");
    std::fs::write(&unpacked, vocabulary_text()).unwrap();
    let text = "a photo of 3 xylophones — naïve";
    for path in [packed.as_ref(), unpacked.as_path()] {
        let tokenizer = ClipBpe::with_vocab(ClipVocab::from_path(path).unwrap(), 77).unwrap();
        assert_eq!(tokenizer.encode(text), clip(77).encode(text));
    }
}

fn vocabulary_text() -> String {
    let packed: &[u8] = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");
    std::io::read_to_string(flate2::read::GzDecoder::new(packed)).unwrap()
}

#[test]
fn a_damaged_vocabulary_is_refused_with_the_place_and_the_remedy() {
    let text = vocabulary_text();
    let packed: &[u8] = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");
    let first_lines = |count: usize| text.lines().take(count).collect::<Vec<_>>().join("\n").into_bytes();
    let replaced = |line: &str| text.replacen("\nt h\n", line, 1).into_bytes();
    let mut flipped = packed.to_vec();
    flipped[packed.len() / 2] ^= 0x40;
    let cases: [(Vec<u8>, &str); 9] = [
        (Vec::new(), "line 1"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "does not unpack to text"),
        (b"{\"model\": {}}".to_vec(), "line 1"),
        (packed[..packed.len() / 2].to_vec(), "does not unpack"),
        (flipped, ""),
        (first_lines(1_000), "it ends after 999 of 48894 merges"),
        (replaced("\nth\n"), "line 3, 'th', is not two symbols"),
        (replaced("\nt hh\n"), "line 3, 't hh', names a symbol that no line before it makes"),
        (replaced("\ni n\n"), "line 3, 'i n', makes a symbol that exists already"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt.gz");
    for (bytes, reason) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = ClipVocab::from_path(&path).unwrap_err();
        assert!(matches!(error, DataError::NotATokenizer { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("vocab.txt.gz") && message.contains(reason), "{message}");
        assert!(message.contains("Use bpe_simple_vocab_16e6.txt.gz"), "{message}");
    }
    let error = ClipVocab::from_path(folder.path().join("absent.gz")).unwrap_err();
    assert!(matches!(error, DataError::Read { .. }) && error.to_string().contains("absent.gz"), "{error}");
}

proptest! {
    #[test]
    fn any_text_gives_start_end_and_the_context_length(text in "\\PC{0,60}|(?s:.){0,200}|[&#;a-z0-9<>x]{0,80}", context in 3_usize..90) {
        let encoded = clip(context).encode(&text);
        prop_assert_eq!(encoded.ids.len(), context);
        prop_assert_eq!(encoded.ids[0], ClipVocab::START);
        prop_assert!(encoded.ids.contains(&ClipVocab::END));
        prop_assert!(encoded.ids.iter().all(|&id| (id as usize) < 49_408));
        prop_assert!(!encoded.truncated || encoded.ids[context - 1] == ClipVocab::END);
    }
}
