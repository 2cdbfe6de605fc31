use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::{ModelWrapper, Tokenizer as File};

use crate::source::open_file;
use crate::tokenizer::readable;
use crate::{DataError, TokenIds, Tokenizer, regex_dialect};

const STARTS: &[&str] = &["<|startoftext|>", "<start_of_text>", "[CLS]", "<s>", "<bos>"];
const ENDS: &[&str] = &["<|endoftext|>", "<end_of_text>", "[SEP]", "</s>", "<eos>"];
const PADS: &[&str] = &["<|pad|>", "[PAD]", "<pad>"];
/// Several times the largest vocabularies there are.
const MOST_BYTES: u64 = 256 << 20;

/// The names of the tokens around a text; `None` is found out from the file.
///
/// Start and end come from the file's post-processor where it has one that adds an end, else from the usual names.
/// Padding comes from the file's padding settings, else from the usual names, else the end token pads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Before the text; the empty string means nothing is put there.
    pub start: Option<String>,
    /// After the text.
    pub end: Option<String>,
    /// After the end, up to the context length.
    pub pad: Option<String>,
}

/// Any Hugging Face `tokenizer.json`: BPE, WordPiece, Unigram or word level, with its own normaliser and word
/// splitting.
///
/// The file's padding, truncation and dropout of merges are set aside, and its start and end tokens are put in once, whether its
/// post-processor adds them or not. A special token typed in a caption becomes that token, as in Hugging Face's
/// library. Files with patterns that Hugging Face's Python package understands otherwise than the library's build without C code (word
/// characters, POSIX classes, ends of lines) are refused: their ids would differ without a word.
#[derive(Debug)]
pub struct HfTokenizer {
    file: File,
    context_length: usize,
    vocab_size: usize,
    start: Option<u32>,
    end: u32,
    pad: u32,
}

impl HfTokenizer {
    /// Reads a `tokenizer.json` and finds out its special tokens.
    ///
    /// # Errors
    /// As [`with_special_tokens`](Self::with_special_tokens).
    pub fn from_path(path: impl AsRef<Path>, context_length: usize) -> Result<Self, DataError> {
        Self::with_special_tokens(path, context_length, &SpecialTokens::default())
    }

    /// Reads a `tokenizer.json` and uses the tokens named.
    ///
    /// # Errors
    /// If the file cannot be read, has more than 256 MiB or is not a tokenizer, a token is not in its vocabulary, an id is beyond
    /// 2^31, some text would be unknown to it without an unknown token, its patterns mean something else in Python, or the context leaves no room
    /// for text.
    pub fn with_special_tokens(
        path: impl AsRef<Path>,
        context_length: usize,
        names: &SpecialTokens,
    ) -> Result<Self, DataError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let mut bytes = Vec::new();
        open_file(path)?
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(broken(&place, format!("it has more than {MOST_BYTES} bytes")));
        }
        let mut file = guarded(|| File::from_bytes(&bytes)).map_err(|error| {
            let reason = if bytes.is_empty() { "it is empty".to_owned() } else { error };
            broken(&place, reason)
        })?;
        if let Some(difference) = regex_dialect::difference(&bytes) {
            let reason = format!(
                "{difference} means something else to Hugging Face's Python package, which would give other ids"
            );
            return Err(broken(&place, reason));
        }
        let padding = file.get_padding().map(|padding| padding.pad_token.clone());
        file.with_padding(None);
        file.with_truncation(None).map_err(|error| broken(&place, error.to_string()))?;
        // Merges left out at random would give a caption other ids on every visit, from a stream that no seed reaches.
        if let ModelWrapper::BPE(bpe) = file.get_model()
            && bpe.dropout.is_some()
        {
            let mut bpe = bpe.clone();
            bpe.dropout = None;
            file.with_model(bpe);
        }

        let marks = Marks::added_by(&file).map_err(|error| broken(&place, error))?;
        let find = |role, wanted: &[&str]| {
            let id = wanted.iter().find_map(|name| file.token_to_id(name));
            id.ok_or_else(|| missing(&file, &place, role, wanted))
        };
        let start = match names.start.as_deref() {
            Some("") => None,
            Some(name) => Some(find("start", &[name])?),
            None if marks.end.is_some() => marks.start,
            None => find("start", STARTS).ok(),
        };
        let end = match (names.end.as_deref(), marks.end) {
            (Some(name), _) => find("end", &[name])?,
            (None, Some(end)) => end,
            (None, None) => find("end", ENDS)?,
        };
        let pad = match (names.pad.as_deref(), padding.as_deref()) {
            (Some(name), _) => find("pad", &[name])?,
            (None, Some(name)) => find("pad", &[name])?,
            (None, None) => find("pad", PADS).unwrap_or(end),
        };
        let least = usize::from(start.is_some()) + 2;
        if context_length < least {
            return Err(DataError::ContextTooShort { given: context_length, least });
        }
        let vocab_size = file.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        if vocab_size > i32::MAX as usize {
            return Err(broken(&place, format!("its largest id is {}, ids end at 2^31 - 2", vocab_size - 1)));
        }
        // The post-processor of a file writes ids down again, and they may be wrong.
        for (role, id) in [("start", start), ("end", Some(end)), ("pad", Some(pad))] {
            if let Some(id) = id.filter(|&id| id as usize >= vocab_size) {
                return Err(broken(&place, format!("its {role} id {id} is not among its {vocab_size} ids")));
            }
        }
        Ok(Self { vocab_size, file, context_length, start, end, pad })
    }

    /// The id before every text, if there is one.
    pub fn start_id(&self) -> Option<u32> {
        self.start
    }

    /// The id after the end, up to the context length; it may be the end id.
    pub fn pad_id(&self) -> u32 {
        self.pad
    }
}

impl Tokenizer for HfTokenizer {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn context_length(&self) -> usize {
        self.context_length
    }

    fn end_id(&self) -> u32 {
        self.end
    }

    /// A text on which the file's own rules fail (loading has tried them) is read as the empty text, marked as cut.
    fn encode(&self, text: &str) -> TokenIds {
        let (text, cut) = readable(text);
        let (words, failed) = match guarded(|| self.file.encode_fast(text, false)) {
            Ok(encoding) => (encoding.get_ids().to_vec(), false),
            Err(_) => (Vec::new(), true),
        };
        let mut ids = Vec::with_capacity(self.context_length);
        ids.extend(self.start);
        let room = self.context_length - ids.len() - 1;
        ids.extend(words.iter().take(room));
        ids.push(self.end);
        ids.resize(self.context_length, self.pad);
        TokenIds { ids, truncated: cut || failed || words.len() > room }
    }
}

/// What the file's post-processor puts around a text.
struct Marks {
    start: Option<u32>,
    end: Option<u32>,
}

impl Marks {
    /// Compares a text with and without its special tokens; more than one on a side is left to the usual names.
    fn added_by(file: &File) -> Result<Self, String> {
        // A private-use character: no vocabulary has it, so that a file without an unknown token fails here, not later.
        let probe = |text, special| {
            let encoding = guarded(|| file.encode_fast(text, special))?;
            Ok::<_, String>(encoding.get_ids().to_vec())
        };
        probe("\u{10fffd}", false)?;
        let bare = probe("a", false)?;
        let full = probe("a", true)?;
        let around = (0..=full.len().saturating_sub(bare.len()))
            .find(|&at| !bare.is_empty() && full[at..].starts_with(&bare))
            .map(|at| (&full[..at], &full[at + bare.len()..]));
        Ok(match around {
            Some((before, &[end])) if before.len() <= 1 => Self { start: before.first().copied(), end: Some(end) },
            _ => Self { start: None, end: None },
        })
    }
}

/// The library does not promise to be free of panics on hostile files.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the tokenizer library panicked".to_owned()),
    }
}

fn missing(file: &File, place: &str, role: &'static str, wanted: &[&str]) -> DataError {
    let mut special: Vec<(u32, String)> = file
        .get_added_tokens_decoder()
        .into_iter()
        .filter(|(_, token)| token.special)
        .map(|(id, token)| (id, token.content))
        .collect();
    special.sort_unstable();
    let found: Vec<&str> = special.iter().take(12).map(|(_, name)| name.as_str()).collect();
    let found = if found.is_empty() { "it has none".to_owned() } else { found.join(" ") };
    DataError::MissingToken { path: place.to_owned(), role, wanted: wanted.join(" or "), found }
}

fn broken(place: &str, reason: String) -> DataError {
    DataError::NotATokenizer {
        path: place.to_owned(),
        expected: "a Hugging Face tokenizer.json",
        reason,
        remedy: "Give the tokenizer.json of a model repository, or make one with the example `train_tokenizer`",
    }
}
