use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use vlp_augment::read_regular;
use vlp_data::{ClipBpe, HfTokenizer, HostTokens, SpecialTokens, Tokenizer};
use vlp_encoders::BertConfig;
use vlp_weights::{Layout, ModelConfig, TextPool, hub_cached, hub_snapshot};

use super::PretrainedError;
use super::export::reads_clip;

/// What a model's texts are read with: a tokenizer, and what is done to a text before it.
#[derive(Debug, Clone)]
pub struct TextReader {
    tokenizer: Arc<dyn Tokenizer>,
    /// SigLIP reads lower case without punctuation.
    canonical: bool,
}

impl TextReader {
    /// Texts as they are, for a model with `vocab_size` rows of token vectors and `context_length` positions.
    ///
    /// # Errors
    /// When the tokenizer has more entries than the model, far fewer, or makes sequences of another length.
    pub fn new(
        tokenizer: Arc<dyn Tokenizer>,
        vocab_size: usize,
        context_length: usize,
    ) -> Result<Self, PretrainedError> {
        fits(tokenizer.as_ref(), "the tokenizer", vocab_size, context_length)?;
        Ok(TextReader { tokenizer, canonical: false })
    }

    /// The tokenizer in `file`, else the one that belongs to a pretrained model: CLIP's by its vocabulary, another in the
    /// `tokenizer.json` beside the weights.
    ///
    /// # Errors
    /// [`PretrainedError::NoTokenizer`] when it is not there, and when the one that is there was not the model's.
    pub fn of_model(config: &ModelConfig, folder: &Path, file: Option<&Path>) -> Result<Self, PretrainedError> {
        let text = &config.text_cfg;
        let siglip = config.layout() == Layout::OpenClipTimm;
        let beside = folder.join("tokenizer.json");
        let named = text.hf_tokenizer_name.as_deref().filter(|_| file.is_none() && !beside.is_file());
        let cached = named.and_then(cached);
        let path = file.or(cached.as_deref()).unwrap_or(&beside);
        if reads_clip(config) && file.is_none() {
            let tokenizer = ClipBpe::new(text.context_length)?;
            // Another vocabulary can have as many entries.
            if !path.is_file() || same_ids(&tokenizer, &HfTokenizer::from_path(path, text.context_length)?) {
                return Ok(TextReader { tokenizer: Arc::new(tokenizer), canonical: false });
            }
        }
        if !path.is_file() {
            return Err(PretrainedError::NoTokenizer(missing(config, path)));
        }
        let kwargs = text.tokenizer_kwargs.clone().unwrap_or_default();
        if kwargs.contains_key("strip_sep_token") {
            let reason =
                "the model's tokenizer leaves out the token that ends a text (strip_sep_token), which is not done here";
            return Err(PretrainedError::NoTokenizer(reason.to_string()));
        }
        let names = SpecialTokens { pad: pad_token(path), ..SpecialTokens::default() };
        let tokenizer = HfTokenizer::with_special_tokens(path, text.context_length, &names)?;
        fits(&tokenizer, &path.display().to_string(), text.vocab_size, text.context_length)?;
        ends(config, &tokenizer, path)?;
        let canonical = siglip || kwargs.get("clean").is_some_and(|clean| clean == "canonicalize");
        Ok(TextReader { tokenizer: Arc::new(tokenizer), canonical })
    }

    /// The tokenizer in `file`, else in the `tokenizer.json` beside the weights, else that of `named` in the hub's cache, for a
    /// text tower of BERT's family.
    pub(super) fn of_bert(
        bert: &BertConfig,
        context_length: usize,
        named: Option<&str>,
        folder: &Path,
        file: Option<&Path>,
    ) -> Result<Self, PretrainedError> {
        let beside = folder.join("tokenizer.json");
        let cached = named.filter(|_| file.is_none() && !beside.is_file()).and_then(cached);
        let path = file.or(cached.as_deref()).unwrap_or(&beside);
        if !path.is_file() {
            let named =
                named.map_or("its text tower's".to_string(), |name| format!("that of {name} on Hugging Face's hub"));
            return Err(PretrainedError::NoTokenizer(not_there(&named, path)));
        }
        let names = SpecialTokens { pad: pad_token(path), ..SpecialTokens::default() };
        let tokenizer = HfTokenizer::with_special_tokens(path, context_length, &names)?;
        fits(&tokenizer, &path.display().to_string(), bert.vocab_size, context_length)?;
        if tokenizer.pad_id() != bert.pad_id {
            return Err(PretrainedError::TokenizerDiffers {
                tokenizer: path.display().to_string(),
                reason: format!("it fills up with id {}, the model's padding is {}", tokenizer.pad_id(), bert.pad_id),
            });
        }
        Ok(TextReader { tokenizer: Arc::new(tokenizer), canonical: false })
    }

    /// The ids of texts, as the model reads them.
    pub fn encode(&self, texts: &[impl AsRef<str>]) -> HostTokens {
        let prepared: Vec<String> = texts.iter().map(|text| self.prepare(text.as_ref())).collect();
        HostTokens::encode(self.tokenizer.as_ref(), prepared.iter().map(String::as_str))
    }

    /// The tokenizer alone.
    pub fn tokenizer(&self) -> &Arc<dyn Tokenizer> {
        &self.tokenizer
    }

    fn prepare(&self, text: &str) -> String {
        if !self.canonical {
            return text.to_string();
        }
        let kept: String =
            text.chars().map(|c| if c == '_' { ' ' } else { c }).filter(|c| !c.is_ascii_punctuation()).collect();
        kept.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn missing(config: &ModelConfig, path: &Path) -> String {
    let named = match (&config.text_cfg.hf_tokenizer_name, config.layout()) {
        (Some(name), _) => format!("the one of {name} on Hugging Face's hub"),
        (None, Layout::OpenClipTimm) => "SigLIP's, from sentencepiece".to_string(),
        (None, _) => format!("one of {} entries, not CLIP's", config.text_cfg.vocab_size),
    };
    not_there(&named, path)
}

fn not_there(named: &str, path: &Path) -> String {
    format!(
        "the model's tokenizer is {named}, and {} is not there: put the tokenizer.json of that model there, or give it with \
         --tokenizer (a sentencepiece .model alone is not read; transformers' `AutoTokenizer.from_pretrained(...)\
         .save_pretrained(...)` writes a tokenizer.json)",
        path.display()
    )
}

/// The `tokenizer.json` of a model in the hub's cache on this machine.
fn cached(name: &str) -> Option<PathBuf> {
    let file = hub_snapshot(hub_cached(name)?).ok()?.join("tokenizer.json");
    file.is_file().then_some(file)
}

/// Whether two tokenizers read plain English alike.
fn same_ids(a: &dyn Tokenizer, b: &dyn Tokenizer) -> bool {
    const PROBES: [&str; 2] = ["a photo of a cat", "the quick brown fox jumps over 13 lazy dogs, twice!"];
    let words = |tokenizer: &dyn Tokenizer, text: &str| {
        let end = tokenizer.end_id();
        tokenizer.encode(text).ids.into_iter().take_while(|id| *id != end).collect::<Vec<_>>()
    };
    PROBES.iter().all(|text| words(a, text) == words(b, text))
}

/// The padding that `tokenizer_config.json` beside the tokenizer names; where it is none, the tokenizer decides.
fn pad_token(tokenizer: &Path) -> Option<String> {
    let text = read_regular(PathBuf::from(tokenizer).with_file_name("tokenizer_config.json")).ok()?;
    let pad = serde_json::from_slice::<Value>(&text).ok()?["pad_token"].take();
    Some(pad.as_str().or(pad["content"].as_str())?.to_string())
}

/// Every id needs a row in the model's embedding table, which may be filled up to a round number, and every position one.
fn fits(
    tokenizer: &dyn Tokenizer,
    name: &str,
    vocab_size: usize,
    context_length: usize,
) -> Result<(), PretrainedError> {
    const FILLED: usize = 1024;
    let differs = |reason: String| Err(PretrainedError::TokenizerDiffers { tokenizer: name.to_string(), reason });
    let (entries, length) = (tokenizer.vocab_size(), tokenizer.context_length());
    if entries > vocab_size || entries + FILLED < vocab_size {
        return differs(format!("it has {entries} entries, the model's vocabulary {vocab_size}"));
    }
    if length != context_length {
        return differs(format!("it makes sequences of {length} ids, the model reads {context_length}"));
    }
    Ok(())
}

/// A model that reads its summary at the end of the text must find the end.
fn ends(config: &ModelConfig, tokenizer: &HfTokenizer, path: &Path) -> Result<(), PretrainedError> {
    let end = tokenizer.end_id();
    let expected = match config.towers()?.text.pool {
        TextPool::Eos(id) => id,
        TextPool::Argmax => tokenizer.vocab_size() as u32 - 1,
        TextPool::First | TextPool::Last => return Ok(()),
    };
    match end == expected {
        true => Ok(()),
        false => Err(PretrainedError::TokenizerDiffers {
            tokenizer: path.display().to_string(),
            reason: format!("it ends texts with id {end}, the model looks for {expected}"),
        }),
    }
}
