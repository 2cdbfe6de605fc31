"""Small tables in the layouts of clip-rocket and SLIP, as numpy and pickle write them: input of crates/vlp-data/tests/tables.rs."""

import pickle
import sys
from pathlib import Path

import numpy as np

out = Path(sys.argv[1] if len(sys.argv) > 1 else "crates/vlp-data/tests/golden/tables")
out.mkdir(parents=True, exist_ok=True)

cc3m = [
    {"image_id": "a/0.png", "captions": ["a red square", "a square that is red"]},
    {"image_id": "a/1.png", "captions": ["naïve café"]},
    {"image_id": "a/2.png", "captions": []},
]
np.save(out / "cc3m.npy", np.array(cc3m, dtype=object), allow_pickle=True)
np.save(out / "cc12m.npy", np.array([{"image_name": "b/0.jpg", "image_id": 12, "captions": ["one"]}], dtype=object))
np.save(out / "numbers.npy", np.arange(4))
yfcc = [(1002003, "a title", "a description"), (1002004, "", " only a description "), (99999999, " ", "")]
for protocol in range(6):
    with open(out / f"yfcc-{protocol}.pkl", "wb") as file:
        pickle.dump(yfcc, file, protocol=protocol)


class Evil:
    def __reduce__(self):
        return (print, ("this must never run",))


with open(out / "evil.pkl", "wb") as file:
    pickle.dump([Evil()], file)
