//! `tokenizer.json` files: one that is accepted reads any text into ids of its vocabulary.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vlp_data::{HfTokenizer, Tokenizer};
use vlp_fuzz::{allow_caught_panics, file};

const CONTEXT: usize = 12;

fuzz_target!(init: allow_caught_panics(), |bytes: &[u8]| {
    let path = file("tokenizer.json", bytes);
    let Ok(tokenizer) = HfTokenizer::from_path(path, CONTEXT) else { return };
    let vocabulary = tokenizer.vocab_size();
    assert!(vocabulary <= i32::MAX as usize, "{vocabulary} ids");
    let long = "a photo of a dog ".repeat(40);
    for text in ["", "a photo of a dog", "naïve [SEP] </s>\n\t\u{10fffd}🙂 Ⅷ", "\0", &long] {
        let ids = tokenizer.encode(text).ids;
        assert_eq!(ids.len(), CONTEXT);
        assert!(ids.iter().all(|&id| (id as usize) < vocabulary), "{ids:?} of {vocabulary}");
        assert!(ids.contains(&tokenizer.end_id()));
        assert_eq!(tokenizer.encode(text).ids, ids, "not the same ids the second time");
    }
});
