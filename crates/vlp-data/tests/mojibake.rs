//! Captions that were read in a wrong code page: the ids of open_clip 3.3.0 with ftfy 6.3.1. `scripts/golden/mojibake.py` makes them.
#![cfg(feature = "clip-vocab")]

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use vlp_data::{ClipBpe, Tokenizer};

#[test]
fn ids_of_broken_captions_equal_those_of_open_clip() {
    let mut json = Vec::new();
    GzDecoder::new(&include_bytes!("golden/mojibake.json.gz")[..]).take(16 << 20).read_to_end(&mut json).unwrap();
    let cases: Vec<(String, String, Vec<u32>)> = serde_json::from_slice(&json).unwrap();
    assert_eq!(cases.len(), 2000);
    let tokenizer = ClipBpe::new(400).unwrap();
    let mut differ = BTreeMap::<String, Vec<String>>::new();
    for (how, text, ids) in cases {
        let found = tokenizer.encode(&text);
        assert!(!found.truncated);
        if found.ids[1..=ids.len()] != ids || found.ids[ids.len() + 1] != tokenizer.end_id() {
            differ.entry(how).or_default().push(text);
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
