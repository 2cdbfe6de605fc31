//! Hugging Face tokenizer files: ids, special tokens, bad files.
#![cfg(feature = "hf-tokenizers")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use vlp_data::{DataError, HfTokenizer, SpecialTokens, TokenIds, Tokenizer};

fn emoji_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/emoji/tokenizer.json")
}

fn emoji(context_length: usize) -> HfTokenizer {
    HfTokenizer::from_path(emoji_path(), context_length).unwrap()
}

/// Splits at blanks and looks whole words up.
fn word_level(
    vocab: Value,
    special: &[(u32, &str)],
    post_processor: Value,
    padding: Value,
    truncation: Value,
) -> Value {
    let added = special.iter().map(|(id, content)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
    });
    json!({
        "version": "1.0", "truncation": truncation, "padding": padding, "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": post_processor, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
    })
}

fn bert_like(post_processor: Value, padding: Value, truncation: Value) -> Value {
    let vocab = json!({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "dog": 5, "cat": 6});
    let special = [(0, "[PAD]"), (1, "[UNK]"), (2, "[CLS]"), (3, "[SEP]")];
    word_level(vocab, &special, post_processor, padding, truncation)
}

fn load(file: &Value, context_length: usize, names: &SpecialTokens) -> Result<HfTokenizer, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, file.to_string()).unwrap();
    HfTokenizer::with_special_tokens(&path, context_length, names)
}

fn ids(tokenizer: &HfTokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text).ids
}

#[test]
fn the_emoji_vocabulary_gives_the_ids_of_the_python_library() {
    // Made by tokenizers 0.23 for Python from the same file; start and end included, no padding.
    let cases: Vec<(String, Vec<u32>)> = serde_json::from_str(include_str!("golden/tokenizer_emoji.json")).unwrap();
    let tokenizer = emoji(32);
    for (text, mut expected) in cases {
        expected.resize(32, 0);
        assert_eq!(tokenizer.encode(&text), TokenIds { ids: expected, truncated: false }, "{text:?}");
    }
}

#[test]
fn the_emoji_vocabulary_pads_with_zero_and_ends_with_its_largest_id() {
    let tokenizer = emoji(32);
    assert_eq!((tokenizer.vocab_size(), tokenizer.context_length()), (3_200, 32));
    assert_eq!((tokenizer.pad_id(), tokenizer.start_id(), tokenizer.end_id()), (0, Some(3_198), 3_199));
}

#[test]
fn start_and_end_are_put_in_once_whether_the_file_adds_them_or_not() {
    let template = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                           "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
    });
    let bert = json!({"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]});
    for post_processor in [Value::Null, template, bert] {
        let tokenizer =
            load(&bert_like(post_processor, Value::Null, Value::Null), 6, &SpecialTokens::default()).unwrap();
        assert_eq!(ids(&tokenizer, "a dog"), [2, 4, 5, 3, 0, 0]);
        assert_eq!(ids(&tokenizer, ""), [2, 3, 0, 0, 0, 0]);
        assert_eq!(ids(&tokenizer, "zebra"), [2, 1, 3, 0, 0, 0]);
    }
}

#[test]
fn a_file_that_adds_only_an_end_gets_only_an_end() {
    let vocab = json!({"<pad>": 0, "</s>": 1, "[UNK]": 2, "dog": 3, "<s>": 4});
    let post_processor = json!({
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
    });
    let file = word_level(vocab, &[(0, "<pad>"), (1, "</s>")], post_processor, Value::Null, Value::Null);
    assert_eq!(ids(&load(&file, 4, &SpecialTokens::default()).unwrap(), "dog"), [3, 1, 0, 0]);
    let named = SpecialTokens { start: Some("<s>".into()), pad: Some("</s>".into()), ..Default::default() };
    assert_eq!(ids(&load(&file, 4, &named).unwrap(), "dog"), [4, 3, 1, 1]);
    let none = SpecialTokens { start: Some(String::new()), ..Default::default() };
    assert_eq!(load(&file, 4, &none).unwrap().start_id(), None);
}

#[test]
fn the_files_own_padding_and_truncation_do_not_interfere() {
    let padding = json!({"strategy": {"Fixed": 3}, "direction": "Left", "pad_to_multiple_of": 4, "pad_id": 6, "pad_type_id": 0, "pad_token": "cat"});
    let truncation = json!({"direction": "Left", "max_length": 3, "strategy": "LongestFirst", "stride": 0});
    let tokenizer = load(&bert_like(Value::Null, padding, truncation), 7, &SpecialTokens::default()).unwrap();
    // Its pad token is kept, its lengths are not.
    assert_eq!(tokenizer.encode("a dog a dog"), TokenIds { ids: vec![2, 4, 5, 4, 5, 3, 6], truncated: false });
    assert_eq!(tokenizer.encode("a dog a dog a dog"), TokenIds { ids: vec![2, 4, 5, 4, 5, 4, 3], truncated: true });
}

/// Dropout of merges draws from the library's own stream: the same text would have other ids each time.
#[test]
fn dropout_of_merges_is_set_aside() {
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": 1.0, "unk_token": "u", "continuing_subword_prefix": null, "end_of_word_suffix": null,
                  "fuse_unk": false, "vocab": {"d": 0, "o": 1, "u": 2, "do": 3, "</s>": 4}, "merges": [["d", "o"]]},
    });
    assert_eq!(ids(&load(&file, 4, &SpecialTokens::default()).unwrap(), "do"), [3, 4, 4, 4]);
}

#[test]
fn truncation_is_flagged_exactly_when_an_id_is_lost() {
    let file = bert_like(Value::Null, Value::Null, Value::Null);
    let tokenizer = load(&file, 4, &SpecialTokens::default()).unwrap();
    assert_eq!(tokenizer.encode("a dog"), TokenIds { ids: vec![2, 4, 5, 3], truncated: false });
    assert_eq!(tokenizer.encode("a dog a"), TokenIds { ids: vec![2, 4, 5, 3], truncated: true });
}

#[test]
fn a_gap_in_the_ids_counts_towards_the_size_of_the_vocabulary() {
    let vocab = json!({"[UNK]": 0, "<eos>": 9});
    let file = word_level(vocab, &[], Value::Null, Value::Null, Value::Null);
    assert_eq!(load(&file, 4, &SpecialTokens::default()).unwrap().vocab_size(), 10);
}

/// A post-processor writes ids down again; the rows of an embedding table are counted by the vocabulary.
#[test]
fn ids_outside_the_vocabulary_or_beyond_31_bits_are_refused() {
    let bert = json!({"type": "BertProcessing", "sep": ["[SEP]", 70], "cls": ["[CLS]", 2]});
    let error = load(&bert_like(bert, Value::Null, Value::Null), 8, &SpecialTokens::default()).unwrap_err();
    assert!(error.to_string().contains("its end id 70 is not among its 7 ids"), "{error}");
    let vocab = json!({"[UNK]": 0, "<eos>": 4_000_000_000_u32});
    let file = word_level(vocab, &[], Value::Null, Value::Null, Value::Null);
    let error = load(&file, 8, &SpecialTokens::default()).unwrap_err();
    assert!(error.to_string().contains("its largest id is 4000000000"), "{error}");
}

/// Found by mutants: the library looks up a special token without asking whether it is there, and expects a decoder to be JSON.
#[test]
fn files_that_make_the_library_panic_are_refused() {
    let template = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {},
    });
    let lookup = bert_like(template, Value::Null, Value::Null).to_string();
    let decoder =
        bert_like(Value::Null, Value::Null, Value::Null).to_string().replace("\"decoder\":null", "\"decoder\":x");
    let folder = tempfile::tempdir().unwrap();
    for text in [lookup, decoder] {
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, text).unwrap();
        let error = HfTokenizer::from_path(&path, 8).unwrap_err().to_string();
        assert!(error.contains(": the tokenizer library panicked."), "{error}");
    }
}

#[test]
fn a_missing_special_token_names_the_file_its_tokens_and_the_remedy() {
    let file = bert_like(Value::Null, Value::Null, Value::Null);
    let names = SpecialTokens { end: Some("<|endoftext|>".into()), ..Default::default() };
    let message = load(&file, 8, &names).unwrap_err().to_string();
    for part in ["tokenizer.json", "no end token <|endoftext|>", "[PAD] [UNK] [CLS] [SEP]", "`SpecialTokens::end`"] {
        assert!(message.contains(part), "{message}");
    }
    let bare = word_level(json!({"[UNK]": 0}), &[], Value::Null, Value::Null, Value::Null);
    let message = load(&bare, 8, &SpecialTokens::default()).unwrap_err().to_string();
    assert!(message.contains("no end token <|endoftext|> or ") && message.contains("it has none"), "{message}");
}

#[test]
fn a_vocabulary_that_cannot_read_every_text_is_refused_when_loaded() {
    let mut file = bert_like(Value::Null, Value::Null, Value::Null);
    file["model"]["unk_token"] = json!("[MISSING]");
    let error = load(&file, 8, &SpecialTokens::default()).unwrap_err();
    assert!(matches!(error, DataError::NotATokenizer { .. }), "{error}");
}

#[test]
fn a_context_without_room_for_text_is_refused() {
    let error = HfTokenizer::from_path(emoji_path(), 2).unwrap_err();
    assert!(matches!(error, DataError::ContextTooShort { given: 2, least: 3 }), "{error}");
}

#[test]
fn a_file_that_is_not_a_tokenizer_is_refused_with_the_path_and_the_remedy() {
    let whole = std::fs::read(emoji_path()).unwrap();
    let cases: [&[u8]; 6] = [
        b"",
        b"{\"hidden_size\": 512, \"model_type\": \"clip\"}",
        b"[1, 2, 3]",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0@",
        &whole[..whole.len() / 2],
        b"{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"x y\"]}}",
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    for bytes in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = HfTokenizer::from_path(&path, 32).unwrap_err();
        assert!(matches!(error, DataError::NotATokenizer { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("tokenizer.json is not a Hugging Face tokenizer.json: "), "{message}");
        assert!(message.ends_with("make one with the example `train_tokenizer`"), "{message}");
    }
    let error = HfTokenizer::from_path(folder.path().join("absent.json"), 32).unwrap_err();
    assert!(matches!(error, DataError::Read { .. }) && error.to_string().contains("absent.json"), "{error}");
    assert!(matches!(HfTokenizer::from_path(folder.path(), 32), Err(DataError::Read { .. })));
}

proptest! {
    #[test]
    fn any_text_gives_start_end_and_the_context_length_and_nothing_is_unknown(
        text in "\\PC{0,60}|(?s:.){0,200}",
        context in prop::sample::select(vec![3_usize, 32, 300]),
    ) {
        thread_local!(static LOADED: [HfTokenizer; 3] = [emoji(3), emoji(32), emoji(300)]);
        let encoded = LOADED.with(|all| all.iter().find(|one| one.context_length() == context).unwrap().encode(&text));
        prop_assert_eq!(encoded.ids.len(), context);
        prop_assert_eq!(encoded.ids[0], 3_198);
        prop_assert!(encoded.ids.contains(&3_199));
        prop_assert!(encoded.ids.iter().all(|&id| id < 3_200));
        // Text that is more than blanks and list punctuation leaves a trace.
        if text.chars().any(char::is_alphanumeric) {
            prop_assert!(encoded.ids[1] != 3_199);
        }
    }
}
