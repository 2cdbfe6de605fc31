use std::borrow::Cow;
use std::fmt::Write as _;

/// More characters than this of a foreign text say nothing more.
const MOST_CHARACTERS: usize = 1000;

/// A text from a file as it may be shown on a terminal: control characters, marks that turn the direction of what follows, and
/// bytes that were no text are escaped (`\x1b`, `\u{202e}`), and what is longer than a few lines is cut.
///
/// ```
/// assert_eq!(vlp_augment::printable("a\u{1b}[2Jb\u{202e}"), r"a\x1b[2Jb\u{202e}");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_CHARACTERS && !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(2 * MOST_CHARACTERS));
    text.chars().take(MOST_CHARACTERS).for_each(|c| push(&mut out, c));
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        // Writing to a string cannot fail.
        let _ = write!(out, "... ({} bytes)", text.len());
    }
    Cow::Owned(out)
}

/// A message of any length and of several lines with the same escapes: the breaks between its lines stay.
///
/// ```
/// assert_eq!(vlp_augment::printable_lines("a\u{1b}[2J\nb"), "a\\x1b[2J\nb");
/// ```
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| c != '\n' && is_hidden(c);
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| if c == '\n' { out.push(c) } else { push(&mut out, c) });
    Cow::Owned(out)
}

fn push(out: &mut String, c: char) {
    match c {
        c if !is_hidden(c) => out.push(c),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing to a string cannot fail.
        c if (c as u32) < 0x100 => _ = write!(out, "\\x{:02x}", c as u32),
        c => _ = write!(out, "{}", c.escape_unicode()),
    }
}

/// Characters that change how others are shown, or show nothing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_lines};

    #[test]
    fn nothing_that_moves_a_cursor_is_left() {
        for c in (0..=0x10ffff).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            let shown = printable(&text);
            assert!(!shown.contains(char::is_control), "{c:?}");
            assert_eq!(printable_lines(&text), if c == '\n' { &text[..] } else { &shown[..] }, "{c:?}");
            if c.is_alphanumeric() {
                assert_eq!(shown, text);
            }
        }
        assert_eq!(printable("grün 猫\u{fffd}\n"), "grün 猫\\u{fffd}\\n");
    }

    #[test]
    fn long_texts_are_cut() {
        let shown = printable(&"é".repeat(3000)).into_owned();
        assert_eq!(shown, format!("{}... (6000 bytes)", "é".repeat(1000)));
    }
}
