//! Repair of text that was read in the wrong code page ("cafÃ©"), with the results of ftfy 6.3.1, which open_clip runs before its
//! tokenizer.
//!
//! A text that looks wrong is written back into bytes in each code page that could have made it; if the bytes are UTF-8, that is
//! what it was. Blanks that stand for a byte 0xA0, and characters that have lost bytes, are recognised on the way.

mod badness;
mod code_pages;
mod embedded;

use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::html_entities::from_c1;
use badness::is_bad;
use code_pages::CODE_PAGES;

/// Texts are repaired as often as they change; each round undoes one wrong reading, of which more are hostile.
const MOST_ROUNDS: usize = 32;
/// Parts of a text are repaired by themselves, and so may parts of these be.
const MOST_LEVELS: usize = 8;

fn of_bytes(source: &str) -> Regex {
    Regex::new(&format!("(?-u){source}")).unwrap_or_else(|error| unreachable!("a fixed pattern compiles: {error}"))
}

/// UTF-8 but for a blank where 0xA0 was, where that makes characters that occur.
static BLANKED: LazyLock<Regex> = LazyLock::new(|| {
    of_bytes(
        r"[\xc2\xc3\xc5\xce\xd0\xd9] |[\xe2\xe3] [\x80-\x84\x86-\x9f\xa1-\xbf]|[\xe0-\xe3][\x80-\x84\x86-\x9f\xa1-\xbf] |\xf0 [\x80-\xbf][\x80-\xbf]|\xf0[\x80-\xbf] [\x80-\xbf]|\xf0[\x80-\xbf][\x80-\xbf] ",
    )
});

/// UTF-8 in which bytes were lost: 0x1A, or one question mark.
static LOSSY: LazyLock<Regex> = LazyLock::new(|| {
    of_bytes(
        r"(?:[\xc2-\xdf]\x1a|[\xc2-\xc3]\?|\xed[\xa0-\xaf][\x1a?]\xed[\xb0-\xbf][\x1a?\x80-\xbf]|\xed[\xa0-\xaf][\x1a?\x80-\xbf]\xed[\xb0-\xbf][\x1a?]|[\xe0-\xef][\x1a?][\x1a\x80-\xbf]|[\xe0-\xef][\x1a\x80-\xbf][\x1a?]|[\xf0-\xf4][\x1a?][\x1a\x80-\xbf][\x1a\x80-\xbf]|[\xf0-\xf4][\x1a\x80-\xbf][\x1a?][\x1a\x80-\xbf]|[\xf0-\xf4][\x1a\x80-\xbf][\x1a\x80-\xbf][\x1a?]|\x1a)",
    )
});

/// The text with every wrong reading undone that can be.
pub(crate) fn repair(text: String) -> String {
    repair_to_level(text, MOST_LEVELS)
}

fn repair_to_level(mut text: String, levels: usize) -> String {
    for _ in 0..MOST_ROUNDS {
        match repair_once(&text, levels) {
            Some(next) if next != text => text = next,
            _ => break,
        }
    }
    text
}

fn repair_once(text: &str, levels: usize) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    for page in CODE_PAGES.iter() {
        let Some(mut bytes) = page.encode(text) else { continue };
        if !page.keeps_blanks && BLANKED.is_match(&bytes) {
            bytes = restore_blanks(&bytes);
        }
        if page.has_holes {
            bytes = LOSSY.replace_all(&bytes, "\u{fffd}".as_bytes()).into_owned();
        }
        if let Some(found) = decode(bytes) {
            return Some(found);
        }
    }
    if levels > 0 {
        let parts = embedded::repair(text, |part| {
            (part.len() < text.len() && is_bad(part)).then(|| repair_to_level(part.to_owned(), levels - 1))
        });
        if parts.as_deref().is_some_and(|parts| parts != text) {
            return parts;
        }
    }
    // Controls of Latin-1 were meant to be characters of Windows' page.
    let controls = text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}'));
    controls.then(|| text.chars().map(from_c1).collect())
}

/// Puts 0xA0 where a blank breaks a character. An "à" that stands alone keeps the blank behind it, but for Portuguese contractions.
fn restore_blanks(bytes: &[u8]) -> Vec<u8> {
    const CONTRACTED: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    let mut alone = Vec::with_capacity(bytes.len() + 8);
    let mut rest = bytes;
    while let [first, ..] = rest {
        match rest {
            [0xc3, b' ', behind @ ..] if !CONTRACTED.iter().any(|word| behind.starts_with(word)) => {
                alone.extend_from_slice(b"\xc3\xa0 ");
                rest = behind;
            }
            [_, behind @ ..] => {
                alone.push(*first);
                rest = behind;
            }
            [] => break,
        }
    }
    let restored = BLANKED.replace_all(&alone, |found: &Captures<'_>| {
        found[0].iter().map(|&byte| if byte == b' ' { 0xa0 } else { byte }).collect::<Vec<u8>>()
    });
    restored.into_owned()
}

/// UTF-8, with surrogate pairs written as two characters (CESU-8) and Java's zero.
fn decode(bytes: Vec<u8>) -> Option<String> {
    if !bytes.iter().any(|byte| matches!(byte, 0xc0 | 0xed)) {
        return String::from_utf8(bytes).ok();
    }
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((&first, behind)) = rest.split_first() {
        rest = match rest {
            [0xc0, 0x80, behind @ ..] => {
                plain.push(0);
                behind
            }
            &[0xed, a @ 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ 0x80..=0xbf, ref behind @ ..] => {
                let bits = [(a, 0x0f, 16), (b, 0x3f, 10), (c, 0x0f, 6), (d, 0x3f, 0)];
                let number = bits.iter().map(|&(byte, mask, shift)| u32::from(byte & mask) << shift).sum::<u32>();
                let c = char::from_u32(number + 0x10000)?;
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                behind
            }
            _ => {
                plain.push(first);
                behind
            }
        };
    }
    String::from_utf8(plain).ok()
}
