#!/usr/bin/env bash
# transformers 5.24.0 (tokenizers 0.23.3): AutoTokenizer takes the vocabulary of a tokenizer.json and replaces its normaliser.
#
# Behaviour: with "tokenizer_class": "CLIPTokenizer" the pipeline is built anew in code, so a tokenizer.json that keeps capitals is
#   lower-cased. The same file read by the tokenizers library, or with "PreTrainedTokenizerFast" as the class, keeps them.
#   transformers 4.57.6 follows the file in both cases.
# Seen, for a tokenizer.json with the merges of "cat" and "CAT" and NFC as its only normaliser, on the text "CAT cat":
#   4.57.6 tokenizers: CAT</w> cat</w>
#   4.57.6 CLIPTokenizer: CAT</w> cat</w>
#   4.57.6 PreTrainedTokenizerFast: CAT</w> cat</w>
#   5.24.0 tokenizers: CAT</w> cat</w>
#   5.24.0 CLIPTokenizer: cat</w> cat</w>
#   5.24.0 PreTrainedTokenizerFast: CAT</w> cat</w>
# Expected: tokenizer.json is the whole tokenizer; tokenizer_class only names the wrapper.
# Why it matters: a model trained on its own tokenizer.json gets other ids after the move from 4 to 5, without an error or a warning, and
#   other ids than any program in Rust or JavaScript that reads the same file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/four"
python3 -m venv "$work/five"
"$work/four/bin/pip" -q install --no-compile transformers==4.57.6 tokenizers==0.22.2 numpy==2.3.5 || exit 2
"$work/five/bin/pip" -q install --no-compile transformers==5.24.0 tokenizers==0.23.3 numpy==2.3.5 || exit 2
export HF_HUB_OFFLINE=1
cd "$work"
cat >finding.py <<'PYTHON'
import json, pathlib
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

letters = sorted(pre_tokenizers.ByteLevel.alphabet())
merges = [("c", "a"), ("ca", "t</w>"), ("C", "A"), ("CA", "T</w>")]
words = letters + [letter + "</w>" for letter in letters] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
vocabulary = {word: number for number, word in enumerate(words)}
model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>")
tokenizer = Tokenizer(model)
tokenizer.normalizer = normalizers.NFC()
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), byte_level])
folder = pathlib.Path("folder")
transformers.CLIPConfig().save_pretrained(folder)
tokenizer.save(str(folder / "tokenizer.json"))
print(f"{transformers.__version__} tokenizers:", *Tokenizer.from_file(str(folder / "tokenizer.json")).encode("CAT cat").tokens)
for name in ("CLIPTokenizer", "PreTrainedTokenizerFast"):
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    print(f"{transformers.__version__} {name}:", *transformers.AutoTokenizer.from_pretrained(folder).tokenize("CAT cat"))
PYTHON
{ "$work/four/bin/python" finding.py && "$work/five/bin/python" finding.py; } 2>"$work/log" | tee seen || { tail -n 5 "$work/log"; exit 1; }
cat >expected <<'TEXT'
4.57.6 tokenizers: CAT</w> cat</w>
4.57.6 CLIPTokenizer: CAT</w> cat</w>
4.57.6 PreTrainedTokenizerFast: CAT</w> cat</w>
5.24.0 tokenizers: CAT</w> cat</w>
5.24.0 CLIPTokenizer: cat</w> cat</w>
5.24.0 PreTrainedTokenizerFast: CAT</w> cat</w>
TEXT
cmp -s seen expected || { echo changed; exit 1; }
