//! Where patterns in `tokenizer.json` files mean something else to us than to Hugging Face's Python package.

use serde::Deserialize;
use serde_json::Value;

/// The parts of a file that hold patterns.
#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
}

/// Why captions might be split otherwise than by the Python package, if they might.
///
/// The package compiles patterns with Oniguruma, this crate with fancy-regex, which is Rust alone. Both know look-around, Unicode classes
/// and quantifiers alike; where they differ, ids would differ without a word.
pub(crate) fn difference(file: &[u8]) -> Option<String> {
    let parts: Parts = serde_json::from_slice(file).ok()?;
    [parts.normalizer, parts.pre_tokenizer].iter().find_map(in_value)
}

fn in_value(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("Regex", Value::String(pattern)) => {
                in_pattern(pattern).map(|what| format!("`{what}` in its pattern `{pattern}`"))
            }
            _ => in_value(value),
        }),
        Value::Array(values) => values.iter().find_map(in_value),
        _ => None,
    }
}

/// The first piece that means something else: what a word character is, POSIX classes (ASCII here, Unicode there), and the ends of a
/// text (of each line there).
fn in_pattern(pattern: &str) -> Option<String> {
    // After `\s`, which takes the end of a line, the end of a text is all that is left of `$`.
    let pattern = pattern.replace(r"\s|$", r"\s|\z");
    let mut rest = pattern.chars().peekable();
    let mut classes = 0u32;
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(letter @ ('w' | 'W')) => return Some(format!("\\{letter}")),
                // Within a class it is a backspace.
                Some(letter @ ('b' | 'B')) if classes == 0 => return Some(format!("\\{letter}")),
                _ => {}
            },
            '[' if classes > 0 && rest.peek() == Some(&':') => {
                let name: String = rest.by_ref().take_while(|&c| c != ']').collect();
                return Some(format!("[{name}]"));
            }
            '[' => {
                classes += 1;
                rest.next_if_eq(&'^');
                // At the beginning of a class it stands for itself.
                rest.next_if_eq(&']');
            }
            ']' => classes = classes.saturating_sub(1),
            '^' | '$' if classes == 0 => return Some(c.to_string()),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_mean_something_else_are_found() {
        for (pattern, what) in [
            (r"\w+|[^\s\w]+", r"\w"),
            (r"[^\W\d]", r"\W"),
            (r"\bword\b", r"\b"),
            (r"x\By", r"\B"),
            ("[[:punct:]]", "[:punct:]"),
            ("[^a[:alpha:]]+", "[:alpha:]"),
            (r"^\s+", "^"),
            ("a|b$", "$"),
            (r"[]^]$", "$"),
        ] {
            assert_eq!(in_pattern(pattern).as_deref(), Some(what), "{pattern}");
        }
    }

    #[test]
    fn patterns_of_published_tokenizers_mean_the_same() {
        for pattern in [
            // CLIP, GPT-2, Llama 3, SigLIP's punctuation.
            r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            "[!\"#$%&'()*+,-./:;<=>?@\\[\\\\\\]^_`{|}~]",
            r" {2,}",
            r"[\b]",
            r"\^\$\\w",
            r"[,:;]+(?:\s|$)",
        ] {
            assert_eq!(in_pattern(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_are_found_wherever_they_stand() {
        let file = |normalizer: &str, split: &str| {
            let sequence = format!(
                r#"{{"type":"Sequence","pretokenizers":[{{"type":"Split","pattern":{{"Regex":"{split}"}}}}]}}"#
            );
            let normalizer = format!(r#"{{"type":"Replace","pattern":{{"Regex":"{normalizer}"}},"content":""}}"#);
            format!(r#"{{"model":{{}},"normalizer":{normalizer},"pre_tokenizer":{sequence}}}"#)
        };
        assert_eq!(difference(file("a", "b").as_bytes()), None);
        assert!(difference(file("^a", "b").as_bytes()).unwrap().contains("`^` in its pattern `^a`"));
        assert!(difference(file("a", r"\\w").as_bytes()).unwrap().contains(r"`\w`"));
        assert_eq!(difference(b"no JSON"), None);
        assert_eq!(difference(br#"{"normalizer":null}"#), None);
    }
}
