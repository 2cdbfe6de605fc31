//! JSON as Python's `json` module writes and reads it, which is wider than the standard.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The fields of an object in Python's dialect, or why there are none.
///
/// Beyond the standard: `NaN`, `Infinity`, `-Infinity` and numbers too large for a double, which become null; halves of
/// surrogate pairs, which become U+FFFD as in ftfy; a byte order mark, of UTF-8 or UTF-16.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    // Nearly every file is standard JSON.
    if let Ok(fields) = serde_json::from_slice(bytes) {
        return Ok(fields);
    }
    let text = decode(bytes)?;
    match serde_json::from_str(&standard(&text)) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Array(_)) => Err("a list where an object is expected".to_owned()),
        Ok(_) => Err("a single value where an object is expected".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A document of another type in the same dialect.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).or_else(|_| {
        let text = decode(bytes)?;
        serde_json::from_str(&standard(&text)).map_err(|error| error.to_string())
    })
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("UTF-16 of an odd number of bytes".to_owned());
        }
        Ok(Cow::Owned(String::from_utf16_lossy(&units.iter().map(|&pair| unit(pair)).collect::<Vec<_>>())))
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => str::from_utf8(rest),
        [0xff, 0xfe, rest @ ..] => return wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return wide(rest, u16::from_be_bytes),
        _ => str::from_utf8(bytes),
    }
    .map(Cow::Borrowed)
    .map_err(|error| format!("not UTF-8 after {} bytes", error.valid_up_to()))
}

/// The same value in standard JSON; what is wrong in other ways stays so.
fn standard(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string(rest, &mut out),
            '-' | '0'..='9' | 'N' | 'I' => number(rest, &mut out),
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Copies a string and gives its length with both quotes.
fn string(text: &str, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut copied) = (1, 0);
    while at < bytes.len() && bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match escaped(bytes, at) {
            Some(0xd800..0xdc00) if matches!(escaped(bytes, at + 6), Some(0xdc00..0xe000)) => at += 12,
            Some(0xd800..0xe000) => {
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            _ => at = (at + 2).min(bytes.len()),
        }
    }
    // An escape may have ended inside a character of a string that is broken anyway.
    let end = (at + 1).min(bytes.len());
    let end = (end..=bytes.len()).find(|&end| text.is_char_boundary(end)).unwrap_or(bytes.len());
    out.push_str(&text[copied..end]);
    end
}

/// The number of an escape `\uXXXX` at this place.
fn escaped(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

/// Copies a number, or null for one that standard JSON does not have, and gives its length.
fn number(text: &str, out: &mut String) -> usize {
    if let Some(word) = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| text.starts_with(word)) {
        out.push_str("null");
        return word.len();
    }
    let is_part = |c: char| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E');
    let length = text.find(|c| !is_part(c)).unwrap_or(text.len()).max(1);
    match text[..length].parse::<f64>() {
        Ok(value) if value.is_infinite() => out.push_str("null"),
        _ => out.push_str(&text[..length]),
    }
    length
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::parse_object;

    fn parsed(bytes: &[u8]) -> Value {
        Value::Object(parse_object(bytes).unwrap())
    }

    #[test]
    fn what_python_writes_is_read() {
        let text = r#"{"a": NaN, "b": [Infinity, -Infinity, -1.5e3], "c": "NaN -Infinity \" \ud83d", "d": "\ud83d\ude00 \ude00 \\ud83d"}"#;
        let right = json!({"a": null, "b": [null, null, -1500.0], "c": "NaN -Infinity \" \u{fffd}", "d": "😀 \u{fffd} \\ud83d"});
        assert_eq!(parsed(text.as_bytes()), right);
        let digits = "9".repeat(400);
        assert_eq!(
            parsed(format!("{{\"n\": {digits}, \"m\": 1e999, \"k\": 7}}").as_bytes()),
            json!({"n": null, "m": null, "k": 7})
        );
    }

    #[test]
    fn byte_order_marks_are_no_part_of_the_text() {
        let text = r#"{"caption": "Ä"}"#;
        let right = json!({"caption": "Ä"});
        assert_eq!(parsed(format!("\u{feff}{text}").as_bytes()), right);
        let units: Vec<u16> = format!("\u{feff}{text}").encode_utf16().collect();
        assert_eq!(parsed(&units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()), right);
        assert_eq!(parsed(&units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>()), right);
    }

    #[test]
    fn what_is_broken_in_other_ways_stays_broken() {
        for (bytes, reason) in [
            (&b"[1, 2]"[..], "list"),
            (b"NaN", "single value"),
            (b"{\"a\": Nan}", "line 1"),
            (b"{\"a\": \"b", "EOF"),
            (b"{\"a\": \"\\", "EOF"),
            ("{\"a\": \"\\é".as_bytes(), "escape"),
            (b"{\"a\": 1}}", "trailing"),
            (b"{\"a\": \xff}", "not UTF-8 after 6 bytes"),
            (b"\xff\xfe{", "odd"),
            (b"", "EOF"),
        ] {
            let error = parse_object(bytes).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn nesting_stays_bounded() {
        let deep = format!("{{\"a\": NaN, \"b\": {}", "[".repeat(100_000));
        assert!(parse_object(deep.as_bytes()).unwrap_err().contains("recursion"));
    }
}
