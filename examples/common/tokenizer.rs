//! The tokenizer that a model was trained with.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vlp::data::{ClipBpe, ClipVocab, HfTokenizer, SpecialTokens, Tokenizer};
use vlp::weights::{Layout, ModelConfig, TextPool};

use super::model::Texts;

const EMOJI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/emoji/tokenizer.json");

/// Texts as the model was trained to read them.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) tokenizer: Box<dyn Tokenizer>,
    /// SigLIP reads lower case without punctuation.
    canonical: bool,
}

impl Reader {
    /// The tokenizer in `file`, else the one that belongs to the model.
    pub(crate) fn new(texts: &Texts, file: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let (config, folder) = match texts {
            Texts::Pretrained(config, folder) => (config, folder),
            Texts::Emoji(context, vocabulary) => {
                let path = file.unwrap_or(Path::new(EMOJI));
                let tokenizer = HfTokenizer::from_path(path, *context)?;
                fits(&tokenizer, *vocabulary, path)?;
                return Ok(Reader { tokenizer: Box::new(tokenizer), canonical: false });
            }
        };
        let text = &config.text_cfg;
        let siglip = config.layout() == Layout::OpenClipTimm;
        let clip = text.hf_tokenizer_name.is_none() && !siglip && text.vocab_size == ClipVocab::END as usize + 1;
        if clip && file.is_none() {
            return Ok(Reader { tokenizer: Box::new(ClipBpe::new(text.context_length)?), canonical: false });
        }
        let beside = folder.join("tokenizer.json");
        let path = file.unwrap_or(&beside);
        if !path.is_file() {
            return Err(unknown(config, path).into());
        }
        let kwargs = text.tokenizer_kwargs.clone().unwrap_or_default();
        if kwargs.contains_key("strip_sep_token") {
            return Err("the model's tokenizer leaves out the token that ends a text, which is not done here".into());
        }
        let names = SpecialTokens { pad: pad_token(path), ..SpecialTokens::default() };
        let tokenizer = HfTokenizer::with_special_tokens(path, text.context_length, &names)?;
        fits(&tokenizer, text.vocab_size, path)?;
        check_end(config, &tokenizer, path)?;
        let canonical = siglip || kwargs.get("clean").is_some_and(|clean| clean == "canonicalize");
        Ok(Reader { tokenizer: Box::new(tokenizer), canonical })
    }

    /// A text in the form that the tokenizer is to see.
    pub(crate) fn prepare(&self, text: &str) -> String {
        if !self.canonical {
            return text.to_string();
        }
        let kept: String =
            text.chars().map(|c| if c == '_' { ' ' } else { c }).filter(|c| !c.is_ascii_punctuation()).collect();
        kept.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn unknown(config: &ModelConfig, path: &Path) -> String {
    let named = match (&config.text_cfg.hf_tokenizer_name, config.layout()) {
        (Some(name), _) => format!("the one of {name} on Hugging Face's hub"),
        (None, Layout::OpenClipTimm) => "SigLIP's, from sentencepiece".to_string(),
        (None, _) => format!("one of {} entries, not CLIP's", config.text_cfg.vocab_size),
    };
    format!(
        "the model's tokenizer is {named}, and {} is not there: put the tokenizer.json of that model there, or give it with \
         --tokenizer (a sentencepiece .model alone is not read; transformers' `AutoTokenizer.from_pretrained(...)\
         .save_pretrained(...)` writes a tokenizer.json)",
        path.display()
    )
}

/// The padding that `tokenizer_config.json` beside the tokenizer names; where it is none, the tokenizer decides.
fn pad_token(tokenizer: &Path) -> Option<String> {
    let text = std::fs::read_to_string(PathBuf::from(tokenizer).with_file_name("tokenizer_config.json")).ok()?;
    let pad = serde_json::from_str::<Value>(&text).ok()?["pad_token"].take();
    Some(pad.as_str().or(pad["content"].as_str())?.to_string())
}

/// Every id needs a row in the model's embedding table, which may be filled up to a round number.
fn fits(tokenizer: &HfTokenizer, vocabulary: usize, path: &Path) -> Result<(), String> {
    const FILLED: usize = 1024;
    match tokenizer.vocab_size() {
        found if found > vocabulary || found + FILLED < vocabulary => {
            let path = path.display();
            Err(format!(
                "{path} has {found} entries, the model's vocabulary {vocabulary}: it is another model's tokenizer"
            ))
        }
        _ => Ok(()),
    }
}

/// A model that reads its summary at the end of the text must find the end.
fn check_end(config: &ModelConfig, tokenizer: &HfTokenizer, path: &Path) -> Result<(), Box<dyn Error>> {
    let end = tokenizer.end_id();
    let expected = match config.towers()?.text.pool {
        TextPool::Eos(id) => id,
        TextPool::Argmax => tokenizer.vocab_size() as u32 - 1,
        TextPool::First | TextPool::Last => return Ok(()),
    };
    match end == expected {
        true => Ok(()),
        false => Err(format!("{} ends texts with id {end}, the model looks for {expected}", path.display()).into()),
    }
}
