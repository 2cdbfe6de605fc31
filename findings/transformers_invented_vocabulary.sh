#!/usr/bin/env bash
# transformers 5.24.0 (tokenizers 0.23.3): a CLIP folder without tokenizer files opens with a tokenizer of two tokens that is made up.
#
# Behaviour: AutoTokenizer and CLIPTokenizer return an object of length 2 and no error. Every letter becomes the unknown token, so
#   captions with equally many letters get the same ids. transformers 4.57.6 raises an error for the same folder, if a poor one.
# Seen, for a folder that holds only the config.json of CLIPConfig().save_pretrained():
#   4.57.6 AutoTokenizer: TypeError        4.57.6 CLIPTokenizer: TypeError
#   5.24.0 AutoTokenizer: 2 tokens, red cat == old dog        5.24.0 CLIPTokenizer: 2 tokens, red cat == old dog
# Expected: an error, as before.
# Why it matters: model.save_pretrained() writes no tokenizer, so this is what every folder of an own training run looks like. Training,
#   retrieval and zero-shot evaluation then run through on text that says nothing but its length.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/four"
python3 -m venv "$work/five"
"$work/four/bin/pip" -q install --no-compile transformers==4.57.6 tokenizers==0.22.2 protobuf==6.33.5 sentencepiece==0.2.1 numpy==2.3.5 || exit 2
"$work/five/bin/pip" -q install --no-compile transformers==5.24.0 tokenizers==0.23.3 numpy==2.3.5 || exit 2
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
cd "$work"
cat >finding.py <<'PYTHON'
import transformers
from transformers import AutoTokenizer, CLIPConfig, CLIPTokenizer

CLIPConfig().save_pretrained("folder")
for kind in (AutoTokenizer, CLIPTokenizer):
    try:
        tokenizer = kind.from_pretrained("folder")
        one, other = (tokenizer(text)["input_ids"] for text in ("red cat", "old dog"))
        answer = f"{len(tokenizer)} tokens, red cat {'==' if one == other else '!='} old dog"
    except Exception as error:
        answer = type(error).__name__
    print(f"{transformers.__version__} {kind.__name__}: {answer}")
PYTHON
{ "$work/four/bin/python" finding.py && "$work/five/bin/python" finding.py; } 2>"$work/log" | tee seen || { tail -n 5 "$work/log"; exit 1; }
cat >expected <<'TEXT'
4.57.6 AutoTokenizer: TypeError
4.57.6 CLIPTokenizer: TypeError
5.24.0 AutoTokenizer: 2 tokens, red cat == old dog
5.24.0 CLIPTokenizer: 2 tokens, red cat == old dog
TEXT
cmp -s seen expected || { echo changed; exit 1; }
