//! HTML character references undone the way Python's `html.unescape` and `ftfy` do it, which CLIP's captions went
//! through: browsers and most crates differ on references without a semicolon and on code points that are not
//! characters.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Names without the ampersand, with their semicolon where they need one.
static NAMED: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| entities::ENTITIES.iter().map(|e| (e.entity.trim_start_matches('&'), e.characters)).collect());

static REFERENCE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)"));

/// Only what cannot be ordinary text: `this&not that` stays.
static CLOSED_REFERENCE: LazyLock<Regex> = LazyLock::new(|| pattern("&#?[0-9A-Za-z]{1,24};"));

/// What windows-1252 has at 0x80..=0x9f; the five bytes it leaves unassigned stay control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// A C1 control character read as the windows-1252 character it almost surely was; others unchanged.
pub(crate) fn from_c1(c: char) -> char {
    match c {
        '\u{80}'..='\u{9f}' => WINDOWS_1252[c as usize - 0x80],
        _ => c,
    }
}

/// Python's `html.unescape`: also `&eacute` without its semicolon, and the longest known beginning of a name.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    REFERENCE.replace_all(text, |found: &Captures<'_>| {
        let body = &found[1];
        match body.strip_prefix('#') {
            Some(digits) => numeric(digits),
            None => named(body).unwrap_or_else(|| found[0].to_owned()),
        }
    })
}

/// ftfy's cautious version: only closed references, and all-capital names such as `&EACUTE;`.
pub(crate) fn unescape_closed(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    CLOSED_REFERENCE.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        let body = &whole[1..];
        if let Some(known) = NAMED.get(body) {
            return (*known).to_owned();
        }
        match body.strip_prefix('#') {
            // An escaped semicolon stays escaped, as there.
            Some(digits) if is_number(digits) => Some(numeric(digits)).filter(|character| character != ";"),
            Some(_) => None,
            None => capitals(body),
        }
        .unwrap_or_else(|| whole.to_owned())
    })
}

fn is_number(digits: &str) -> bool {
    let digits = digits.trim_end_matches(';');
    match digits.strip_prefix(['x', 'X']) {
        Some(hex) => !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => digits.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// `&NTILDE;` in a text that was upper-cased as a whole; not where the capitals already begin with a known name.
fn capitals(body: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let is_capitals = lower.to_ascii_uppercase() == body;
    if !is_capitals || named(body).is_some() {
        return None;
    }
    NAMED.get(lower.as_str()).map(|characters| characters.to_uppercase())
}

fn named(body: &str) -> Option<String> {
    if let Some(known) = NAMED.get(body) {
        return Some((*known).to_owned());
    }
    let boundaries: Vec<usize> = body.char_indices().map(|(at, _)| at).collect();
    boundaries.iter().skip(2).rev().find_map(|&end| {
        let known = NAMED.get(&body[..end])?;
        Some(format!("{known}{}", &body[end..]))
    })
}

/// `digits` is what follows `&#`: decimal, or hexadecimal after an x, perhaps closed by a semicolon.
fn numeric(digits: &str) -> String {
    let digits = digits.trim_end_matches(';');
    let parsed = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    // A number too large for u32 is also too large for Unicode.
    let Some(c) = parsed.ok().and_then(char::from_u32).filter(|&c| c != '\0') else {
        return '\u{fffd}'.into();
    };
    let character = from_c1(c);
    if character == c && is_not_text(c) { String::new() } else { character.into() }
}

/// Code points HTML forbids: controls and the noncharacters. The carriage return and C1 letters come before this.
fn is_not_text(c: char) -> bool {
    matches!(c, '\u{1}'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{fdd0}'..='\u{fdef}')
        || (c as u32) & 0xfffe == 0xfffe
}

pub(crate) fn pattern(source: &str) -> Regex {
    Regex::new(source).unwrap_or_else(|error| unreachable!("a fixed pattern compiles: {error}"))
}
