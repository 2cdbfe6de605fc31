use std::sync::LazyLock;

use regex::Regex;

/// Splits English text into words and punctuation by the rules of the Penn Treebank, as the Natural Language Toolkit's
/// `NLTKWordTokenizer` applies them.
///
/// ```
/// use vlp_augment::text::word_tokenize;
///
/// assert_eq!(word_tokenize("A dog's toy (red), isn't it?"), [
///     "A", "dog", "'s", "toy", "(", "red", ")", ",", "is", "n't", "it", "?"
/// ]);
/// ```
///
/// Departs from the toolkit's `word_tokenize` in one point: that first cuts the text into sentences with a trained model.
/// Here a sentence ends where a white space and a capital letter follow a word of two letters or more that is no usual
/// abbreviation (`Mr.`) and its period.
pub fn word_tokenize(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut start = 0;
    for found in SENTENCE_END.captures_iter(text) {
        if ABBREVIATIONS.contains(&found[1].to_lowercase().as_str()) {
            continue;
        }
        let end = found.get(2).map_or(start, |period| period.end());
        words.extend(sentence(&text[start..end]));
        start = end;
    }
    words.extend(sentence(&text[start..]));
    words
}

fn sentence(text: &str) -> Vec<String> {
    // A quote before a word that is no contraction stands apart.
    let mut text = replace_all(text, &BEFORE_WORDS);
    text = WORD_AFTER_QUOTE
        .replace_all(&text, |found: &regex::Captures<'_>| {
            let (before, word) = (&found[1], &found[2]);
            let contraction = ["re", "ve", "ll", "m", "t", "s", "d", "n"].contains(&word.to_lowercase().as_str());
            if contraction { found[0].to_owned() } else { format!("{before}' {word}") }
        })
        .into_owned();
    text = replace_all(&text, &PUNCTUATION);
    text = replace_all(&format!(" {text} "), &AFTER_WORDS);
    text.split_whitespace().map(str::to_owned).collect()
}

type Rules = LazyLock<Vec<(Regex, &'static str)>>;

fn replace_all(text: &str, rules: &Rules) -> String {
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}

fn rules(rules: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    rules.iter().map(|(pattern, with)| (compiled(pattern), *with)).collect()
}

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

const ABBREVIATIONS: [&str; 11] = ["mr", "mrs", "ms", "dr", "st", "mt", "jr", "sr", "vs", "prof", "gen"];

static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| compiled(r"(\w\w+)([.!?]+)\s+\p{Lu}"));

static WORD_AFTER_QUOTE: LazyLock<Regex> = LazyLock::new(|| compiled(r"(^|\W)'(\w+)"));

static BEFORE_WORDS: Rules = LazyLock::new(|| {
    rules(&[("([«“‘„]|[`]+)", " $1 "), ("^\"", "``"), ("(``)", " $1 "), (r#"([ (\[{<])("|'{2})"#, "$1 `` ")])
});

static PUNCTUATION: Rules = LazyLock::new(|| {
    rules(&[
        (r#"([^.])(\.)([\])}>"'»”’ ]*)\s*$"#, "$1 $2 $3 "),
        (r"([:,])([^\d])", " $1 $2"),
        (r"([:,])$", " $1 "),
        (r"\.{2,}", " $0 "),
        (r"[;@#$%&]", " $0 "),
        (r"[\x{2012}-\x{2015}]", " $0 "),
        (r#"([^.])(\.)([\])}>"']*)\s*$"#, "$1 $2$3 "),
        (r"[?!]", " $0 "),
        (r"([^'])' ", "$1 ' "),
        (r"[*]", " $0 "),
        (r"[\]\[(){}<>]", " $0 "),
        ("--", " -- "),
    ])
});

static AFTER_WORDS: Rules = LazyLock::new(|| {
    rules(&[
        ("([»”’])", " $1 "),
        ("''", " '' "),
        ("\"", " '' "),
        (r"\s+", " "),
        (r"([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
        (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
        (r"(?i)\b(can)(not)\b", " $1 $2 "),
        (r"(?i)\b(d)('ye)\b", " $1 $2 "),
        (r"(?i)\b(gim)(me)\b", " $1 $2 "),
        (r"(?i)\b(gon)(na)\b", " $1 $2 "),
        (r"(?i)\b(got)(ta)\b", " $1 $2 "),
        (r"(?i)\b(lem)(me)\b", " $1 $2 "),
        (r"(?i)\b(more)('n)\b", " $1 $2 "),
        (r"(?i)\b(wan)(na)(\s)", " $1 $2 $3"),
        (r"(?i) ('t)(is)\b", " $1 $2 "),
        (r"(?i) ('t)(was)\b", " $1 $2 "),
    ])
});
