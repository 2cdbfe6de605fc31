//! CLIP's byte-pair tokenizer on any text: as many ids as the context, all in the vocabulary, start and end in place.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use vlp_data::{ClipBpe, ClipVocab, Tokenizer};

static TOKENIZERS: LazyLock<[ClipBpe; 3]> =
    LazyLock::new(|| [3, 24, 77].map(|context| ClipBpe::new(context).expect("the embedded vocabulary")));

fuzz_target!(|text: &str| {
    for tokenizer in &*TOKENIZERS {
        let encoded = tokenizer.encode(text);
        let ids = &encoded.ids;
        assert_eq!(ids.len(), tokenizer.context_length());
        assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()), "{ids:?}");
        assert_eq!(ids[0], ClipVocab::START);
        assert!(ids.contains(&ClipVocab::END));
        assert!(!encoded.truncated || ids.last() == Some(&ClipVocab::END));
        // The second time the words are remembered.
        assert_eq!(tokenizer.encode(text), encoded);
        tokenizer.decode(ids).expect("ids of the vocabulary");
    }
});
