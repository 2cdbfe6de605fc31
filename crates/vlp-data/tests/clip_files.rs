//! CLIP's vocabulary as Hugging Face's files reads like CLIP's own tokenizer.
#![cfg(all(feature = "clip-vocab", feature = "hf-tokenizers"))]

use vlp_data::{ClipBpe, ClipVocab, HfTokenizer, Tokenizer};

#[test]
fn both_tokenizers_give_the_same_ids() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in ClipVocab::embedded().unwrap().hugging_face_files(77) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let ours = ClipBpe::new(77).unwrap();
    let theirs = HfTokenizer::from_path(folder.path().join("tokenizer.json"), 77).unwrap();
    assert_eq!((theirs.vocab_size(), theirs.start_id(), theirs.end_id()), (49_408, Some(49_406), 49_407));
    for text in [
        "a photo of a cat",
        "The Quick  brown\tfox jumps over 13 lazy dogs, twice!",
        "it's the dog's; they'll've 2024-11 (café) naïve façade",
        "東京タワー 🗼 at night",
        "",
    ] {
        let words = |tokenizer: &dyn Tokenizer| {
            let ids = tokenizer.encode(text).ids;
            ids.into_iter().take_while(|id| *id != 49_407).collect::<Vec<u32>>()
        };
        assert_eq!(words(&ours), words(&theirs), "{text}");
    }
    let merges = std::fs::read_to_string(folder.path().join("merges.txt")).unwrap();
    assert_eq!(merges.lines().nth(1), Some("i n"));
    assert_eq!(merges.lines().count(), 48_895);
}
