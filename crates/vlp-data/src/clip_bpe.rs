use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{PoisonError, RwLock};

use regex::Regex;

use crate::clip_clean::clean;
use crate::html_entities::pattern;
use crate::tokenizer::readable;
use crate::{ClipVocab, DataError, TokenIds, Tokenizer};

/// Words remembered at once; captions repeat few words, so that a full memory is simply emptied.
const CACHED_WORDS: usize = 1 << 16;
/// Longer words are not worth remembering; the bound also limits the memory's bytes.
const CACHED_WORD_BYTES: usize = 64;
/// Start, one token, end.
const LEAST_CONTEXT: usize = 3;

/// The markers, English endings, runs of letters, single digits, runs of anything else. U+0345, a combining iota whose
/// capital is a letter, fits none of open_clip's case-blind classes and is dropped there: so it is here.
const WORDS: &str = r"(?i:<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}\u{345}]+";

/// The tokenizer of OpenAI's CLIP and of open_clip: 49,408 byte-pair symbols, pad id 0.
///
/// A caption is cleaned (repaired characters, HTML undone, blanks collapsed, lower case), cut into words, and the bytes
/// of each word are merged in the order of the vocabulary. Ids equal those of open_clip, which runs ftfy 6.3.1, also for
/// wrongly decoded text ("cafÃ©").
///
/// As there, `<start_of_text>` and `<end_of_text>` typed in a caption become the markers themselves.
///
/// ```
/// # #[cfg(feature = "clip-vocab")] {
/// use vlp_data::{ClipBpe, Tokenizer};
///
/// let tokenizer = ClipBpe::new(8)?;
/// assert_eq!(tokenizer.encode("A photo of a dog").ids, [49406, 320, 1125, 539, 320, 1929, 49407, 0]);
/// # }
/// # Ok::<(), vlp_data::DataError>(())
/// ```
pub struct ClipBpe {
    vocab: ClipVocab,
    context_length: usize,
    words: Regex,
    known: RwLock<HashMap<Box<str>, Box<[u32]>>>,
}

impl ClipBpe {
    /// The context length of the published CLIP models.
    pub const CONTEXT_LENGTH: usize = 77;
    /// What fills the ids after the end; the same id as the byte `!`.
    pub const PAD: u32 = 0;

    /// With the embedded vocabulary.
    ///
    /// # Errors
    /// If `context_length` is below 3.
    #[cfg(feature = "clip-vocab")]
    pub fn new(context_length: usize) -> Result<Self, DataError> {
        Self::with_vocab(ClipVocab::embedded()?, context_length)
    }

    /// With a vocabulary from elsewhere.
    ///
    /// # Errors
    /// If `context_length` is below 3.
    pub fn with_vocab(vocab: ClipVocab, context_length: usize) -> Result<Self, DataError> {
        if context_length < LEAST_CONTEXT {
            return Err(DataError::ContextTooShort { given: context_length, least: LEAST_CONTEXT });
        }
        let words = pattern(WORDS);
        Ok(Self { vocab, context_length, words, known: RwLock::default() })
    }

    /// The text of ids: a space after every word, the markers spelt out, bytes that are no UTF-8 replaced by U+FFFD.
    ///
    /// # Errors
    /// If an id is not in the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        let mut bytes = Vec::new();
        for &id in ids {
            let token = self.vocab.token(id).ok_or(DataError::UnknownId { id, largest: ClipVocab::END })?;
            bytes.extend_from_slice(token);
        }
        Ok(String::from_utf8_lossy(&bytes).replace("</w>", " "))
    }

    fn push_word(&self, word: &str, ids: &mut Vec<u32>) {
        match word {
            "<start_of_text>" => return ids.push(ClipVocab::START),
            "<end_of_text>" => return ids.push(ClipVocab::END),
            _ => {}
        }
        // A panic elsewhere while the lock was held leaves whole entries only: the map stays usable.
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(word) {
            return ids.extend_from_slice(known);
        }
        let merged = self.merge(word.as_bytes());
        ids.extend_from_slice(&merged);
        if word.len() <= CACHED_WORD_BYTES {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= CACHED_WORDS {
                known.clear();
            }
            known.insert(word.into(), merged.into());
        }
    }

    /// Merges neighbours, lowest rank first and leftmost among equals, until no two make a symbol. `n log n` in the
    /// bytes.
    fn merge(&self, word: &[u8]) -> Vec<u32> {
        let count = word.len();
        let mut symbols: Vec<Option<u32>> =
            word.iter().enumerate().map(|(at, &byte)| Some(self.vocab.byte_id(byte, at + 1 == count))).collect();
        let mut next: Vec<usize> = (1..=count).collect();
        let mut previous: Vec<Option<usize>> = (0..count).map(|at| at.checked_sub(1)).collect();
        let mut candidates = BinaryHeap::new();
        let rank = |symbols: &[Option<u32>], left: usize, right: usize| {
            self.vocab.merged(symbols[left]?, (*symbols.get(right)?)?).map(|merged| Reverse((merged, left)))
        };
        candidates.extend((0..count).filter_map(|at| rank(&symbols, at, at + 1)));
        while let Some(Reverse((merged, left))) = candidates.pop() {
            let right = next[left];
            // The neighbours may have changed since: then this candidate is void.
            if rank(&symbols, left, right) != Some(Reverse((merged, left))) {
                continue;
            }
            symbols[left] = Some(merged);
            symbols[right] = None;
            next[left] = next[right];
            if let Some(previous) = previous.get_mut(next[left]) {
                *previous = Some(left);
            }
            candidates.extend(rank(&symbols, left, next[left]));
            candidates.extend(previous[left].and_then(|before| rank(&symbols, before, left)));
        }
        symbols.into_iter().flatten().collect()
    }
}

impl Tokenizer for ClipBpe {
    fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    fn context_length(&self) -> usize {
        self.context_length
    }

    fn end_id(&self) -> u32 {
        ClipVocab::END
    }

    fn encode(&self, text: &str) -> TokenIds {
        let (text, cut) = readable(text);
        let cleaned = clean(text);
        let mut ids = Vec::with_capacity(self.context_length);
        ids.push(ClipVocab::START);
        for word in self.words.find_iter(&cleaned) {
            self.push_word(word.as_str(), &mut ids);
            if ids.len() >= self.context_length {
                break;
            }
        }
        let truncated = cut || ids.len() >= self.context_length;
        ids.truncate(self.context_length - 1);
        ids.push(ClipVocab::END);
        ids.resize(self.context_length, Self::PAD);
        TokenIds { ids, truncated }
    }
}

impl fmt::Debug for ClipBpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClipBpe")
            .field("vocab", &self.vocab)
            .field("context_length", &self.context_length)
            .finish_non_exhaustive()
    }
}
