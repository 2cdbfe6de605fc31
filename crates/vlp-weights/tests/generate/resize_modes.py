"""Writes tests/golden/resize_modes.json: open_clip's resize modes on Pillow for filters and shapes that the other golden
file has not. Needs torch, torchvision, open_clip (4.2.0.dev0) and Pillow (13.0). Run in the crate's folder.
"""
import json
import zlib

import numpy as np
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize
from open_clip.transform import CenterCropOrPad, ResizeKeepRatio

modes = {"lanczos": InterpolationMode.LANCZOS, "nearest": InterpolationMode.NEAREST, "bicubic": InterpolationMode.BICUBIC}


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([5 * x + 3 * y, x * y, 2 * x + y * y], -1).astype(np.uint8))


cases = []
for (w, h) in [(100, 60), (61, 97), (20, 28)]:
    for size, names in [(32, ["lanczos", "nearest"]), ([24, 40], ["bicubic"])]:
        for name in names:
            for mode in ["shortest", "squash", "longest"]:
                fill, f = 7 * (mode == "longest"), modes[name]
                square = isinstance(size, int)
                if mode == "longest":
                    steps = [ResizeKeepRatio(size, interpolation=f, longest=1), CenterCropOrPad(size, fill=fill)]
                elif mode == "squash":
                    steps = [Resize((size, size) if square else size, interpolation=f)]
                else:
                    steps = [Resize(size, interpolation=f) if square else ResizeKeepRatio(size), CenterCrop(size)]
                image = picture(w, h)
                for step in steps:
                    image = step(image)
                flat = np.asarray(image).reshape(-1, 3)
                samples = [int(v) for k in range(48) for v in flat[(k * 7919 + 13) % len(flat)]]
                cases.append(dict(w=w, h=h, size=size, resize_mode=mode, interpolation=name, fill_color=fill,
                                  out_hw=list(np.asarray(image).shape[:2]), crc32=zlib.crc32(flat.tobytes()), samples=samples))
with open("tests/golden/resize_modes.json", "w") as file:
    file.write('{"cases": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
