//! A tokenizer's files, which travel with the weights, and what transformers makes of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use vlp_augment::read_regular;

use crate::WeightError;

const TOKENIZER: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
/// The class of transformers, 4 and 5, that runs a `tokenizer.json` as it stands.
const AS_IT_STANDS: &str = "PreTrainedTokenizerFast";
/// Under which names special tokens go.
const SPECIAL: [(&str, [&str; 5]); 3] = [
    ("bos_token", ["<|startoftext|>", "<start_of_text>", "[CLS]", "<s>", "<bos>"]),
    ("eos_token", ["<|endoftext|>", "<end_of_text>", "[SEP]", "</s>", "<eos>"]),
    ("pad_token", ["<|pad|>", "[PAD]", "<pad>", "<|endoftext|>", "</s>"]),
];

/// A file of a tokenizer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenizerFile {
    /// On the disk, read when it is written elsewhere.
    At(PathBuf),
    /// In memory.
    Bytes(Vec<u8>),
}

impl TokenizerFile {
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, WeightError> {
        match self {
            TokenizerFile::At(path) => read_regular(path).map_err(WeightError::io("read", path)),
            TokenizerFile::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

/// Completes a tokenizer so that transformers runs it as it stands, and says where transformers 5 does not.
pub(crate) fn for_transformers(files: &mut BTreeMap<String, Vec<u8>>) -> Option<String> {
    let tokenizer: Value = serde_json::from_slice(files.get(TOKENIZER)?).ok()?;
    let Some(config) = files.get(CONFIG) else {
        let config = config(&tokenizer);
        files.insert(CONFIG.to_string(), serde_json::to_vec_pretty(&config).expect("JSON values can be written"));
        return None;
    };
    let config: Value = serde_json::from_slice(config).ok()?;
    let class = config["tokenizer_class"].as_str().unwrap_or("CLIPTokenizer");
    (class.starts_with("CLIPTokenizer") && !normalises_like_clip(&tokenizer["normalizer"])).then(|| {
        format!(
            "transformers 5 runs {CONFIG}'s {class} with a normaliser of its own, NFC, single blanks and lower case, not with that of \
             {TOKENIZER}: texts that those change get other ids unless tokenizer_class is {AS_IT_STANDS}"
        )
    })
}

/// Settings for the class that runs the file as it stands, with the special tokens of the usual names.
fn config(tokenizer: &Value) -> Value {
    let mut config = Map::from_iter([("tokenizer_class".to_string(), AS_IT_STANDS.into())]);
    let vocabulary = &tokenizer["model"]["vocab"];
    let added = |name: &str| {
        tokenizer["added_tokens"].as_array().is_some_and(|all| all.iter().any(|one| one["content"] == name))
    };
    for (role, names) in SPECIAL {
        if let Some(name) = names.into_iter().find(|name| added(name) || vocabulary.get(name).is_some()) {
            config.insert(role.to_string(), name.into());
        }
    }
    Value::Object(config)
}

fn normalises_like_clip(normalizer: &Value) -> bool {
    let wanted = [
        json!({"type": "NFC"}),
        json!({"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}),
        json!({"type": "Lowercase"}),
    ];
    normalizer["normalizers"].as_array().is_some_and(|steps| steps[..] == wanted)
}
