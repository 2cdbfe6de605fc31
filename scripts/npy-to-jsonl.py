"""Turns a pickled table (CC3M's or CC12M's .npy, or a .pkl) that vlp does not read into JSON lines that it does.

    python scripts/npy-to-jsonl.py cc3m.npy cc3m.jsonl

Unpickling runs code from the file: only for files you trust.
"""

import json
import sys

import numpy as np

rows = np.load(sys.argv[1], allow_pickle=True)
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for row in rows:
        path = row.get("image_name") or str(row["image_id"])
        captions = row.get("captions") or row.get("caption")
        json.dump({"image": path, "captions": [captions] if isinstance(captions, str) else list(captions)}, out, ensure_ascii=False)
        out.write("\n")
