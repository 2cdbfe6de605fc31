//! Wrongly read characters inside a text that is otherwise right.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::code_pages::CODE_PAGES;

/// What a character may be of a character in UTF-8, by the byte it has in a page like Latin-1: bits of the constants below.
static ROLES: LazyLock<HashMap<char, u8>> = LazyLock::new(|| {
    let mut roles = HashMap::<char, u8>::from([(' ', CONTINUES)]);
    for page in CODE_PAGES.iter().filter(|page| page.is_like_latin) {
        for (&c, byte) in page.characters.iter().zip(0x80u8..=0xff) {
            // Dashes, quotation marks and dots stand before right characters too.
            let typographic = matches!(c, '\u{2013}'..='\u{2015}' | '\u{2018}'..='\u{201a}' | '\u{201c}'..='\u{201e}' | '\u{2022}' | '\u{2026}');
            *roles.entry(c).or_default() |= match byte {
                0x80..=0xbf if typographic => CONTINUES,
                0x80..=0xbf => CONTINUES | CONTINUES_ONLY,
                0xc2..=0xdf => FIRST_OF_2,
                0xe0..=0xef => FIRST_OF_3,
                // The planes of emoji and of tags; no others are in use.
                0xf0 | 0xf3 => FIRST_OF_4,
                _ => 0,
            };
        }
    }
    roles
});

const CONTINUES: u8 = 1;
/// Nothing begins behind such a character.
const CONTINUES_ONLY: u8 = 2;
const FIRST_OF_2: u8 = 4;
const FIRST_OF_3: u8 = 8;
const FIRST_OF_4: u8 = 16;

fn role(c: char) -> u8 {
    if c.is_ascii() && c != ' ' { 0 } else { ROLES.get(&c).copied().unwrap_or_default() }
}

/// The text with what `repair_part` makes of runs of wrongly read characters; none where there is no such run.
pub(super) fn repair(text: &str, repair_part: impl Fn(&str) -> Option<String>) -> Option<String> {
    let characters: Vec<(usize, u8)> = text.char_indices().map(|(at, c)| (at, role(c))).collect();
    let offset = |number: usize| characters.get(number).map_or(text.len(), |&(at, _)| at);
    let (mut repaired, mut copied, mut found) = (String::with_capacity(text.len()), 0, false);
    let mut at = 0;
    while at < characters.len() {
        let length = if at > 0 && characters[at - 1].1 & CONTINUES_ONLY != 0 { 0 } else { run(&characters[at..]) };
        if length == 0 {
            at += 1;
            continue;
        }
        let part = &text[offset(at)..offset(at + length)];
        found = true;
        if let Some(better) = repair_part(part) {
            repaired.push_str(&text[copied..offset(at)]);
            repaired.push_str(&better);
            copied = offset(at + length);
        }
        at += length;
    }
    repaired.push_str(&text[copied..]);
    found.then_some(repaired)
}

/// How many of the next characters could be characters of UTF-8, one behind the other.
fn run(characters: &[(usize, u8)]) -> usize {
    let mut length = 0;
    while let Some(&(_, first)) = characters.get(length) {
        let continues = |count: usize| {
            let rest = characters.get(length + 1..length + 1 + count);
            rest.is_some_and(|rest| rest.iter().all(|&(_, role)| role & CONTINUES != 0)).then_some(1 + count)
        };
        let of = |bit: u8, count: usize| if first & bit != 0 { continues(count) } else { None };
        match of(FIRST_OF_2, 1).or_else(|| of(FIRST_OF_3, 2)).or_else(|| of(FIRST_OF_4, 3)) {
            Some(more) => length += more,
            None => break,
        }
    }
    length
}
