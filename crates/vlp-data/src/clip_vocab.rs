use std::collections::HashMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::DataError;
use crate::source::open_file;

/// Ids of the vocabulary: 256 bytes, the same at the end of a word, the merges, start and end.
const VOCAB_SIZE: usize = 49_408;
const BYTES: usize = 256;
const MERGES: usize = VOCAB_SIZE - 2 * BYTES - 2;
/// The whole file unpacks to 3.2 MB; anything much larger is not it.
const MAX_UNPACKED: u64 = 16 << 20;
/// Marks the last symbol of a word.
pub(crate) const WORD_END: &str = "</w>";

#[cfg(feature = "clip-vocab")]
static EMBEDDED: &[u8] = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");

/// The symbols of CLIP's byte-pair encoder and which two of them make a third.
///
/// The file `bpe_simple_vocab_16e6.txt.gz` of OpenAI's CLIP: a head line, then one merge a line, most frequent first,
/// of which the first 48,894 count. Symbol ids follow that order, so the id of a merged symbol is also the rank of its
/// merge.
#[derive(Clone)]
pub struct ClipVocab {
    merges: HashMap<(u32, u32), u32>,
    /// The text of every id, `</w>` included.
    tokens: Vec<Vec<u8>>,
    byte_ids: [u32; BYTES],
}

impl ClipVocab {
    /// Id of the start of a text.
    pub const START: u32 = VOCAB_SIZE as u32 - 2;
    /// Id of the end of a text, the largest.
    pub const END: u32 = VOCAB_SIZE as u32 - 1;

    /// The vocabulary inside this crate.
    ///
    /// # Errors
    /// None in a sound build.
    #[cfg(feature = "clip-vocab")]
    pub fn embedded() -> Result<Self, DataError> {
        Self::read(EMBEDDED, "the embedded vocabulary")
    }

    /// The vocabulary from a `bpe_simple_vocab_16e6.txt.gz`, packed or unpacked.
    ///
    /// # Errors
    /// If the file cannot be read, or is not that vocabulary: the message names the line.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let read_error = |source| DataError::Read { path: path.to_owned(), source };
        let mut head = Vec::new();
        open_file(path)?.take(2).read_to_end(&mut head).map_err(read_error)?;
        let file = BufReader::new(open_file(path)?);
        let place = path.display().to_string();
        if head == [0x1f, 0x8b] { Self::read(file, &place) } else { Self::read_text(file, &place) }
    }

    fn read(packed: impl Read, place: &str) -> Result<Self, DataError> {
        Self::read_text(GzDecoder::new(packed), place)
    }

    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    fn read_text(source: impl Read, place: &str) -> Result<Self, DataError> {
        let mut text = String::new();
        source
            .take(MAX_UNPACKED)
            .read_to_string(&mut text)
            .map_err(|error| broken(place, format!("it does not unpack to text ({error})")))?;
        Self::parse(&text).map_err(|reason| broken(place, reason))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if !lines.next().is_some_and(|head| head.contains("#version")) {
            return Err("line 1 is not a '#version' head line".to_owned());
        }
        let alphabet = byte_alphabet();
        let mut byte_ids = [0; BYTES];
        let mut tokens = Vec::with_capacity(VOCAB_SIZE);
        let mut ids: HashMap<String, u32> = HashMap::with_capacity(VOCAB_SIZE);
        for word_end in ["", WORD_END] {
            for (byte, letter) in &alphabet {
                let id = tokens.len() as u32;
                if word_end.is_empty() {
                    byte_ids[usize::from(*byte)] = id;
                }
                ids.insert(format!("{letter}{word_end}"), id);
                tokens.push([&[*byte], word_end.as_bytes()].concat());
            }
        }
        let mut merges = HashMap::with_capacity(MERGES);
        for (number, line) in (2..).zip(lines.by_ref()).take(MERGES) {
            let fault = |what: &str| Err(format!("line {number}, '{}', {what}", shorten(line)));
            let Some((left, right)) = line.split_once(' ') else {
                return fault("is not two symbols");
            };
            let (Some(&left_id), Some(&right_id)) = (ids.get(left), ids.get(right)) else {
                return fault("names a symbol that no line before it makes");
            };
            let id = tokens.len() as u32;
            if ids.insert(format!("{left}{right}"), id).is_some() {
                return fault("makes a symbol that exists already");
            }
            tokens.push([tokens[left_id as usize].as_slice(), &tokens[right_id as usize]].concat());
            merges.insert((left_id, right_id), id);
        }
        if merges.len() < MERGES {
            return Err(format!("it ends after {} of {MERGES} merges", merges.len()));
        }
        tokens.push(b"<start_of_text>".to_vec());
        tokens.push(b"<end_of_text>".to_vec());
        Ok(Self { merges, tokens, byte_ids })
    }

    /// Number of ids: 49,408.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Never: the vocabulary has a fixed size.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn byte_id(&self, byte: u8, ends_word: bool) -> u32 {
        self.byte_ids[usize::from(byte)] + if ends_word { BYTES as u32 } else { 0 }
    }

    /// The symbol that two neighbours make; the smallest goes first.
    pub(crate) fn merged(&self, left: u32, right: u32) -> Option<u32> {
        self.merges.get(&(left, right)).copied()
    }

    /// Every pair of neighbours with the symbol that they make, in no order.
    pub(crate) fn merges(&self) -> impl Iterator<Item = ((u32, u32), u32)> {
        self.merges.iter().map(|(pair, id)| (*pair, *id))
    }

    pub(crate) fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id as usize).map(Vec::as_slice)
    }
}

impl fmt::Debug for ClipVocab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClipVocab").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Every byte with the letter that stands for it in the file, in the order of their ids: printable Latin-1 as itself,
/// then the others as the letters from U+0100 on.
pub(crate) fn byte_alphabet() -> Vec<(u8, char)> {
    let printable = |b: &u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let shown = (0..=u8::MAX).filter(printable).map(|b| (b, char::from(b)));
    let hidden = (0..=u8::MAX).filter(|b| !printable(b)).zip('\u{100}'..);
    shown.chain(hidden).collect()
}

fn shorten(line: &str) -> String {
    line.chars().take(40).collect()
}

fn broken(place: &str, reason: String) -> DataError {
    DataError::NotATokenizer {
        path: place.to_owned(),
        expected: "CLIP's byte-pair vocabulary",
        reason,
        remedy: "Use bpe_simple_vocab_16e6.txt.gz of OpenAI's CLIP, or the embedded one (feature `clip-vocab`)",
    }
}
