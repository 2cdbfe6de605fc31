use std::io::Read;

use flate2::read::GzDecoder;

use super::{Pos, Synonyms};

/// Lines of tab-separated fields: the letter of a part of speech and lemmas, or `x`, that letter, an irregular form and its
/// base forms. Made by scripts/make-synonyms.py from WordNet 3.1, whose licence lies beside it.
const TABLE: &[u8] = include_bytes!("../../../data/synonyms.txt.gz");

/// Bytes that the table may have unpacked.
const LIMIT: u64 = 1 << 26;

pub(super) fn read() -> Synonyms {
    let mut bytes = Vec::new();
    // The file is part of this crate and a test reads it.
    GzDecoder::new(TABLE).take(LIMIT).read_to_end(&mut bytes).expect("data/synonyms.txt.gz is packed");
    let text = String::from_utf8(bytes).expect("data/synonyms.txt.gz is text");
    let mut synonyms = Synonyms::default();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let pos = Pos::from_letter(kind.trim_start_matches('x')).expect("a letter of scripts/make-synonyms.py");
        if kind.starts_with('x') {
            let form = fields.next().unwrap_or_default();
            synonyms.insert_exception(pos, form, fields.map(str::to_owned));
        } else {
            synonyms.insert(pos, fields.map(str::to_owned).collect());
        }
    }
    synonyms
}
