"""What Pillow's resize makes of pictures of all shapes, by the version that is installed.

    python3 scripts/golden/resize.py | gzip -9n > crates/vlp-augment/tests/golden/resize_pillow_13.json.gz

Needs numpy and Pillow; run with 13.0.0 and with 12.0.0, which goes across first always.
"""

import json

import numpy as np
from PIL import Image, ImageFilter, __version__ as pillow


def noise(width, height, seed):
    state, out = seed, []
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return np.array(out, np.uint8).reshape(height, width, 3)


SIZES = [(30, 90, 16, 16), (90, 30, 16, 16), (17, 120, 16, 16), (40, 64, 16, 12), (20, 75, 12, 60), (13, 13, 20, 20), (24, 96, 16, 12),
         (60, 101, 20, 20), (60, 99, 20, 20), (303, 7, 94, 10), (7, 300, 10, 30)]
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}

resized = []
for number, (width, height, to_width, to_height) in enumerate(SIZES):
    for name, kernel in FILTERS.items():
        result = Image.fromarray(noise(width, height, number)).resize((to_width, to_height), kernel)
        resized.append({"seed": number, "from": [width, height], "to": [to_width, to_height], "filter": name, "pixels": result.tobytes().hex()})
blurred = []
for number, radius in enumerate([0.1, 0.5, 0.7, 1.0, 1.1, 1.3, 1.7, 1.9, 2.0, 2.3, 2.9, 3.3, 4.1, 6.7]):
    for seed, (width, height) in enumerate([(24, 21)]):
        result = Image.fromarray(noise(width, height, seed)).filter(ImageFilter.GaussianBlur(radius))
        blurred.append({"seed": seed, "size": [width, height], "radius": radius, "pixels": result.tobytes().hex()})
print(json.dumps({"pillow": pillow, "resized": resized, "blurred": blurred if pillow >= "13" else []}, separators=(",", ":")))
