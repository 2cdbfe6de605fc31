"""Golden numbers of the image operations that RandAugment needs, by torchvision on Pillow.

    python scripts/golden/augment.py > crates/vlp-augment/tests/golden/rand_augment.json

Needs `pip install torchvision pillow`. The pictures are made from formulas (see `image_ops.json`), so only a checksum of each result is
kept: every operation here is a whole-number one and has to come out to the byte.
"""

import json
import zlib

import numpy as np
import torch
import torchvision
from PIL import Image, __version__ as pillow
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import RandAugment, _apply_op


def harsh(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([5 * x + 3 * y, x * y, 2 * x + y * y], -1).astype(np.uint8)


def noise(width, height, seed):
    state, out = seed, []
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return np.array(out, np.uint8).reshape(height, width, 3)


def narrow(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + (x + y) % 90, 100 + 0 * x, 200 - (x * y) % 31], -1).astype(np.uint8)


PICTURES = {
    "harsh": harsh(61, 47), "noise": noise(40, 33, 5), "narrow": narrow(50, 70), "large": harsh(224, 180),
    "tiny": harsh(2, 3),
}
FILL = [124, 116, 104]
cases = []


def case(op, picture, params, result):
    data = np.asarray(result)
    cases.append({"op": op, "picture": picture, "params": params, "crc32": zlib.crc32(data.tobytes())})


for name, pixels in PICTURES.items():
    image = Image.fromarray(pixels)
    for bits in range(1, 9):
        case("posterize", name, {"bits": bits}, F.posterize(image, bits))
    for factor in (0.0, 0.1, 0.5, 1.0, 1.27, 1.9):
        case("sharpness", name, {"factor": factor}, F.adjust_sharpness(image, factor))
    for threshold in (0.0, 0.5, 76.5, 128.0, 255.0, 256.0):
        case("solarize", name, {"threshold": threshold}, F.solarize(image, threshold))
    case("autocontrast", name, {}, F.autocontrast(image))
    case("equalize", name, {}, F.equalize(image))
    case("invert", name, {}, F.invert(image))
    for bins in (31, 10):
        space = RandAugment()._augmentation_space(bins, (image.height, image.width))
        for op, (magnitudes, signed) in space.items():
            for bin in (0, 4, 9) if bins == 10 else (1, 9, 17, 30):
                value = float(magnitudes[bin].item()) if magnitudes.ndim > 0 else 0.0
                for sign in (1, -1) if signed else (1,):
                    for fill in (None, FILL):
                        result = _apply_op(image, op, sign * value, InterpolationMode.NEAREST, fill)
                        params = {"bin": bin, "bins": bins, "negative": sign < 0, "fill": fill or [0, 0, 0], "magnitude": value}
                        case("rand_augment/" + op, name, params, result)

print(json.dumps({
    "description": f"torchvision {torchvision.__version__}, Pillow {pillow}, torch {torch.__version__}. Pictures: see scripts/golden/augment.py; "
    "crc32 (IEEE) over the HWC bytes of the result.",
    "cases": cases,
}, indent=None, separators=(",", ":")).replace('{"op"', '\n{"op"'))
