#!/usr/bin/env bash
# pycocotools 2.0.11 (numpy 2.3.5): a filter that matches nothing selects everything, and two categories mean "and" for pictures but "or"
# for annotations.
#
# Behaviour: getImgIds and getAnnIds take an empty list as "no filter". The list that another getter returned for something absent is empty.
# Seen, for four pictures (1: dog; 2: dog and cat; 3: cat; 4: nothing) and a category "zebra" without annotations:
#   pictures of zebras: []
#   annotations of those pictures: [11, 21, 22, 31]
#   pictures of a category that is not there: [1, 2, 3, 4]
#   pictures of dog and cat: [2]
#   annotations of dog and cat: [11, 21, 22, 31]
# Expected: no annotations, no pictures; and one meaning for a list of categories.
# Why it matters: a split's rare class, or a misspelt category name, turns a subset into the whole set without a word: captions or boxes
#   of training pictures in an evaluation, and counts that look plausible.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile pycocotools==2.0.11 numpy==2.3.5 || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import contextlib, io, json, pathlib, sys
from pycocotools.coco import COCO

dog, cat, zebra = 1, 2, 3
has = {11: (1, dog), 21: (2, dog), 22: (2, cat), 31: (3, cat)}
table = {
    "images": [{"id": i, "file_name": f"{i}.jpg", "width": 8, "height": 8} for i in (1, 2, 3, 4)],
    "categories": [{"id": i, "name": name} for i, name in ((dog, "dog"), (cat, "cat"), (zebra, "zebra"))],
    "annotations": [
        {"id": i, "image_id": image, "category_id": category, "bbox": [0, 0, 4, 4], "area": 16, "iscrowd": 0}
        for i, (image, category) in has.items()
    ],
}
pathlib.Path("instances.json").write_text(json.dumps(table))
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("instances.json")

zebras = coco.getImgIds(catIds=coco.getCatIds(catNms=["zebra"]))
seen = {
    "pictures of zebras": zebras,
    "annotations of those pictures": coco.getAnnIds(imgIds=zebras),
    "pictures of a category that is not there": coco.getImgIds(catIds=coco.getCatIds(catNms=["giraffe"])),
    "pictures of dog and cat": coco.getImgIds(catIds=[dog, cat]),
    "annotations of dog and cat": coco.getAnnIds(catIds=[dog, cat]),
}
for name, ids in seen.items():
    print(f"{name}: {sorted(ids)}")
sys.exit(0 if [sorted(ids) for ids in seen.values()] == [[], sorted(has), [1, 2, 3, 4], [2], sorted(has)] else "changed")
PYTHON
"$work/venv/bin/python" finding.py
