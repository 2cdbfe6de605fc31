//! CLIP's vocabulary as the files of a Hugging Face tokenizer.

use serde_json::{Map, Value, json};

use crate::ClipVocab;
use crate::clip_vocab::{WORD_END, byte_alphabet};

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

impl ClipVocab {
    /// The files in which transformers keeps this vocabulary, by name: `tokenizer.json`, `tokenizer_config.json`,
    /// `special_tokens_map.json`, `vocab.json` and `merges.txt`.
    pub fn hugging_face_files(&self, context_length: usize) -> Vec<(&'static str, Vec<u8>)> {
        let (symbols, merges) = self.symbols();
        let vocab: Map<String, Value> =
            symbols.iter().zip(0u32..).map(|(symbol, id)| (symbol.clone(), id.into())).collect();
        let special = json!({"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END});
        let mut config = json!({
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": context_length,
            "do_lower_case": true,
            "errors": "replace",
            "add_prefix_space": false,
        });
        let entries = config.as_object_mut().expect("an object was just made");
        entries.extend(special.as_object().cloned().unwrap_or_default());
        let pretty = |json: &Value| serde_json::to_vec_pretty(json).expect("JSON values can be written");
        let plain = |json: &Value| serde_json::to_vec(json).expect("JSON values can be written");
        vec![
            ("tokenizer.json", plain(&tokenizer(&vocab, &merges))),
            ("tokenizer_config.json", pretty(&config)),
            ("special_tokens_map.json", pretty(&special)),
            ("vocab.json", plain(&Value::Object(vocab))),
            ("merges.txt", format!("#version: 0.2\n{}\n", merges.join("\n")).into_bytes()),
        ]
    }

    /// The text of every id in letters that stand for bytes, and the merges in their order.
    fn symbols(&self) -> (Vec<String>, Vec<String>) {
        let letters = byte_alphabet();
        let ends = ["", WORD_END].into_iter();
        let mut symbols: Vec<String> =
            ends.flat_map(|end| letters.iter().map(move |(_, letter)| format!("{letter}{end}"))).collect();
        let mut parts: Vec<(u32, (u32, u32))> = self.merges().map(|(pair, id)| (id, pair)).collect();
        parts.sort_unstable();
        let mut merges = Vec::with_capacity(parts.len());
        for (id, (left, right)) in parts {
            debug_assert_eq!(id as usize, symbols.len());
            let [left, right] = [left, right].map(|part| symbols[part as usize].clone());
            symbols.push(format!("{left}{right}"));
            merges.push(format!("{left} {right}"));
        }
        symbols.extend([START, END].map(str::to_owned));
        (symbols, merges)
    }
}

fn tokenizer(vocab: &Map<String, Value>, merges: &[String]) -> Value {
    let special = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true})
    };
    let pattern = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(ClipVocab::START, START), special(ClipVocab::END, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, ClipVocab::END], "cls": [START, ClipVocab::START],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": END,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": WORD_END,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": merges,
        },
    })
}
