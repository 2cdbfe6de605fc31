#!/usr/bin/env bash
# tokenizers 0.23.3 (the Python wheel) and tokenizers 0.23.2 (the crate with its feature fancy-regex): one pattern, two splits.
#
# Behaviour: a Split pre-tokeniser's pattern goes to Oniguruma in the wheel and by the crate's default, to Rust's regex syntax with
#   fancy-regex, the feature for builds without C. Classes in brackets are ASCII there, \w leaves out superscripts and fractions,
#   and ^ is the start of the text, not of a line.
# Seen:
#   [[:alpha:]]+ wheel café| |noir  crate caf|é |noir
#   \w+ wheel x²|+|y²  crate x|²+|y|²
#   ^\w wheel a|b¶|c|d  crate a|b¶cd     (¶ stands for the line break)
# Expected: the same ids wherever the same tokenizer.json is read by the same library; both accept the patterns without a word.
# Why it matters: pictures are embedded by one program and captions by another. Other splits are other ids, and the captions with accents or
#   several lines lose their match while all-ASCII tests pass.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile tokenizers==0.23.3 || exit 2
mkdir -p "$work/split/src"
cd "$work/split"
cat >Cargo.toml <<'TOML'
[package]
name = "split"
version = "0.0.0"
edition = "2021"

[dependencies]
tokenizers = { version = "=0.23.2", default-features = false, features = ["fancy-regex"] }
TOML
cat >src/main.rs <<'RUST'
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer};

fn main() {
    for (file, text) in [("alpha", "café noir"), ("word", "x²+y²"), ("start", "ab\ncd")] {
        let tokenizer = Tokenizer::from_file(format!("{file}.json")).unwrap();
        let mut pieces = PreTokenizedString::from(text);
        tokenizer.get_pre_tokenizer().unwrap().pre_tokenize(&mut pieces).unwrap();
        let pieces = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        let pieces: Vec<&str> = pieces.into_iter().map(|piece| piece.0).collect();
        println!("{}", pieces.join("|").replace('\n', "¶"));
    }
}
RUST
cat >split.py <<'PYTHON'
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

cases = {"alpha": ("[[:alpha:]]+", "café noir"), "word": (r"\w+", "x²+y²"), "start": (r"^\w", "ab\ncd")}
for file, (pattern, text) in cases.items():
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.save(f"{file}.json")
    pieces = Tokenizer.from_file(f"{file}.json").pre_tokenizer.pre_tokenize_str(text)
    print("|".join(piece for piece, _ in pieces).replace("\n", "¶"))
PYTHON
cargo build -q --target-dir "$work/target" || exit 2
"$work/venv/bin/python" split.py >wheel
"$work/target/debug/split" >crate
printf '[[:alpha:]]+\n\\w+\n^\\w\n' | paste -d ' ' - wheel | sed 's/ / wheel /' | paste -d '#' - crate | sed 's/#/  crate /' | tee seen
cat >expected <<'TEXT'
[[:alpha:]]+ wheel café| |noir  crate caf|é |noir
\w+ wheel x²|+|y²  crate x|²+|y|²
^\w wheel a|b¶|c|d  crate a|b¶cd
TEXT
cmp -s seen expected || { echo changed; exit 1; }
