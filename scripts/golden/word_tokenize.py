"""Makes crates/vlp-augment/tests/golden/word_tokenize.json: words of the Natural Language Toolkit's NLTKWordTokenizer.

    python scripts/golden/word_tokenize.py > crates/vlp-augment/tests/golden/word_tokenize.json

Needs `pip install nltk`. Every text is one sentence, since the toolkit's tokenizer expects that.
"""

import json

import nltk
from nltk.tokenize import NLTKWordTokenizer

TEXTS = [
    "", "a", "A photo of a cat.", "a dog's toy, isn't it?", "we can't do that; they'll see", "cannot gonna wanna gotta gimme lemme",
    "'tis the season", "It's 3.50 dollars (roughly), OK...", "\"quoted\" text", "he said \"hello there\" twice", "``already'' quoted",
    "the 'single' quotes", "rock 'n' roll", "100% cotton & wool @ home #1", "U.S.A. flag", "Mr. Smith goes to Washington.",
    "price: $5,000.00, really!", "1:30 at the café", "a--b and c - d", "wait... what?!", "[tag] {set} <html>", "«guillemets» and “curly” ‘quotes’",
    "ends with colon:", "ends with comma,", "I'm you're we've she'd they'll don't DON'T", "the dogs' bowls", "*stars* and more*",
    "em—dash and en–dash", "e-mail-address state-of-the-art", "日本語 text and emoji 😀 here", "multiple   spaces\tand tabs", "(parenthesised.)",
    "he said 'yes.'", "a.b.c", "more'n d'ye", "'re 've 's", "let's go to O'Brien's", "semi;colon", "vector[3]", "the end .", "50's music", "''", "'",
    "wanna", "'twas cold", "x.", "..", "end.)\"", "the painting of \"Mona Lisa\", 1503.",
]

tokenize = NLTKWordTokenizer().tokenize
print(json.dumps({
    "description": f"nltk {nltk.__version__}, NLTKWordTokenizer().tokenize",
    "cases": [{"text": text, "words": tokenize(text)} for text in TEXTS],
}, ensure_ascii=False, separators=(",", ":")).replace('{"text"', '\n{"text"'))
