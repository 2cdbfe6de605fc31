"""Makes crates/vlp-augment/tests/golden/synonyms.json: synonyms as EDA takes them from the Natural Language Toolkit's WordNet.

    NLTK_DATA=folder python scripts/golden/synonyms.py > crates/vlp-augment/tests/golden/synonyms.json

`folder/corpora/wordnet` holds the dictionary that scripts/make-synonyms.py reads, exceptions included. Needs `pip install nltk`.
"""

import json

import nltk
from nltk.corpus import wordnet

WORDS = """cat dog dogs mice children running ran runs picture photograph red blue bigger biggest happy quickly swim swimming house houses
wolves men women boxes churches dishes skies better best car automobile tree flower mountain beach sunset water old new beautiful small
play plays played playing jump smile sleeping standing white black street city food eat eaten drink table chair Cat RED qwxz 3d""".split()


def synonyms(word):
    found = set()
    for synset in wordnet.synsets(word):
        for lemma in synset.lemmas():
            name = lemma.name().replace("_", " ").replace("-", " ").lower()
            found.add("".join(c for c in name if c in " qwertyuiopasdfghjklzxcvbnm"))
    found.discard(word)
    return sorted(found)


print(json.dumps({
    "description": f"nltk {nltk.__version__} on WordNet 3.1 with the exceptions of 3.0",
    "cases": [{"word": word, "synonyms": synonyms(word)} for word in WORDS],
}, separators=(",", ":")).replace('{"word"', '\n{"word"'))
