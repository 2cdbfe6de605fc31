//! The text cleaning of OpenAI's CLIP and open_clip: ftfy's `fix_text`, HTML unescaped twice, whitespace collapsed,
//! lower case.
//!
//! ftfy's repair of wrongly decoded text ("cafÃ©") is in `mojibake`, its other repairs are here. Python's
//! lower-casing and Rust's agree on final sigma and dotted I; both follow their own version of Unicode, so letters
//! added after Unicode 14 may be lower-cased here and not there.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use crate::html_entities::{from_c1, pattern, unescape, unescape_closed};
use crate::mojibake::repair;

/// ftfy repeats its repairs until nothing changes. Text escaped more often than this is hostile: each round undoes one
/// level of `&amp;amp;`, so that without a bound time would grow with the square of the length.
const MAX_ROUNDS: usize = 32;

static TERMINAL_ESCAPE: LazyLock<Regex> = LazyLock::new(|| pattern("\x1b\\[(?:\\d|;)*[a-zA-Z]"));

/// The text as the byte-pair encoder reads it.
pub(crate) fn clean(text: &str) -> String {
    let fixed = fix_text(text);
    let once = unescape(&fixed);
    collapse_whitespace(&unescape(&once)).to_lowercase()
}

/// ftfy's `fix_text`, line by line. From the first line with a `<` on, references are left to [`unescape`].
fn fix_text(text: &str) -> String {
    let mut unescape = true;
    let mut fixed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        unescape &= !line.contains('<');
        if line.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t')) && !(unescape && line.contains('&')) {
            fixed.push_str(line);
        } else {
            fixed.push_str(&fix_line(line, unescape));
        }
    }
    fixed
}

fn fix_line(line: &str, unescape: bool) -> String {
    let mut text = line.to_owned();
    for _ in 0..MAX_ROUNDS {
        let unescaped = if unescape { unescape_closed(&text).into_owned() } else { text.clone() };
        let repaired = repair(unescaped);
        let mut plain = String::with_capacity(repaired.len());
        repaired.chars().for_each(|c| push_plain(c, &mut plain));
        let visible = TERMINAL_ESCAPE.replace_all(&plain, "");
        let next: String = visible.chars().filter(|&c| !is_invisible_control(c)).nfc().collect();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Typographic variants to what a keyboard types: ligatures, full and half width, curly quotes, line breaks.
fn push_plain(c: char, out: &mut String) {
    match from_c1(c) {
        'Ĳ' => out.push_str("IJ"),
        'ĳ' => out.push_str("ij"),
        'ŉ' => out.push_str("'n"),
        'Ǳ' => out.push_str("DZ"),
        'ǲ' => out.push_str("Dz"),
        'ǳ' => out.push_str("dz"),
        'Ǆ' => out.push_str("DŽ"),
        'ǅ' => out.push_str("Dž"),
        'ǆ' => out.push_str("dž"),
        'Ǉ' => out.push_str("LJ"),
        'ǈ' => out.push_str("Lj"),
        'ǉ' => out.push_str("lj"),
        'Ǌ' => out.push_str("NJ"),
        'ǋ' => out.push_str("Nj"),
        'ǌ' => out.push_str("nj"),
        'ﬀ' => out.push_str("ff"),
        'ﬁ' => out.push_str("fi"),
        'ﬂ' => out.push_str("fl"),
        'ﬃ' => out.push_str("ffi"),
        'ﬄ' => out.push_str("ffl"),
        'ﬅ' => out.push_str("ſt"),
        'ﬆ' => out.push_str("st"),
        '\u{3000}' => out.push(' '),
        wide @ '\u{ff01}'..='\u{ffef}' => out.extend(std::iter::once(wide).nfkc()),
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => out.push('\''),
        '\u{201c}'..='\u{201f}' => out.push('"'),
        '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
        other => out.push(other),
    }
}

/// Control characters without an effect on the text: not the joiners and direction marks that shape it.
fn is_invisible_control(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' // ASCII
            | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}'
    )
}

/// Words between single spaces; Python also counts U+001C to U+001F as blanks.
fn collapse_whitespace(text: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    let mut out = String::with_capacity(text.len());
    for word in text.split(is_blank).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
