"""Every operation of `crates/vlp-augment/benches/augment.rs` by torchvision on Pillow: how long does each take on one core?

    python benches/peers/augment.py path/to/our/benchmark [seconds a case]

Needs `pip install torch torchvision pillow`. Times its own side, asks our benchmark (`--times`) for the other, and again for both, keeps
each side's faster run and prints a Markdown table. Pictures and JPEG files are the same on both sides.
"""

import io
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from PIL import Image, ImageFilter
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

SIZES = [(500, 375), (640, 480), (1024, 731)]
VIEW = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
torch.set_num_threads(1)


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    rgb = [x * 255 // width, y * 255 // height, (x // 16 * 37 + y // 16 * 91) % 256]
    return Image.fromarray(np.stack(rgb, -1).astype(np.uint8))


class Blur:
    """The blur that SLIP, lightly and CLIP-rocket use: Pillow's, with a random radius."""

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(float(torch.empty(1).uniform_(0.1, 2.0))))


def strong(interpolation, jitter, flip_first):
    crop = T.RandomResizedCrop(VIEW, (0.08, 1.0), interpolation=interpolation)
    rest = [T.RandomApply([jitter], 0.8), T.RandomGrayscale(0.2), T.RandomApply([Blur()], 0.5)]
    flip = T.RandomHorizontalFlip(0.5)
    return T.Compose([crop, flip, *rest] if flip_first else [crop, *rest, flip])


def cases():
    def crop(image):
        (w, h) = image.size
        return F.resized_crop(image, h // 10, w // 10, h * 7 // 10, w * 7 // 10, [VIEW, VIEW], InterpolationMode.BICUBIC)

    weak = T.RandomResizedCrop(VIEW, (0.5, 1.0), interpolation=InterpolationMode.BICUBIC)
    return {
        "resized_crop": crop,
        "horizontal_flip": F.hflip,
        "brightness": lambda i: F.adjust_brightness(i, 1.2),
        "contrast": lambda i: F.adjust_contrast(i, 1.2),
        "saturation": lambda i: F.adjust_saturation(i, 1.2),
        "hue": lambda i: F.adjust_hue(i, 0.05),
        "grayscale": lambda i: F.to_grayscale(i, 3),
        "gaussian_blur": lambda i: i.filter(ImageFilter.GaussianBlur(1.0)),
        "solarize": lambda i: F.solarize(i, 128),
        "posterize": lambda i: F.posterize(i, 4),
        "equalize": F.equalize,
        "autocontrast": F.autocontrast,
        "sharpness": lambda i: F.adjust_sharpness(i, 1.5),
        "rotate": lambda i: F.rotate(i, 15.0),
        "rand_augment": T.RandAugment(),
        "clip-rocket/weak": weak,
        "clip-rocket/strong": strong(InterpolationMode.BICUBIC, T.ColorJitter(0.4, 0.4, 0.4, 0.1), False),
        "simclr": strong(InterpolationMode.BILINEAR, T.ColorJitter(0.8, 0.8, 0.8, 0.2), True),
    }


def seconds(budget, call):
    for limit in (budget / 10, budget):
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < limit:
            call()
            calls += 1
    return (time.perf_counter() - start) / calls


def theirs(budget, folder):
    torch.manual_seed(0)
    times = {}
    for width, height in SIZES:
        image = picture(width, height)
        for name, op in cases().items():
            # A copy each time, as on our side, where operations take the picture over.
            times[f"{name}/{width}x{height}"] = seconds(budget, lambda: op(image.copy()))
    view_of = cases()["clip-rocket/strong"]
    for width, height in SIZES:
        size = f"{width}x{height}"
        data = (folder / f"{size}.jpg").read_bytes()
        decode = lambda: Image.open(io.BytesIO(data)).convert("RGB")
        times[f"decode/{size}"] = seconds(budget, decode)
        times[f"decode + clip-rocket/strong/{size}"] = seconds(budget, lambda: view_of(decode()))
    view = picture(VIEW, VIEW)
    normalize = T.Compose([T.ToTensor(), T.Normalize(MEAN, STD)])
    times[f"normalize/{VIEW}x{VIEW}"] = seconds(budget, lambda: normalize(view))
    return times


def ours(command, budget, folder):
    lines = subprocess.run([command, "--times", str(budget), folder], check=True, capture_output=True, text=True).stdout.split("\n")
    return {name: float(value) for name, value in (line.rsplit(maxsplit=1) for line in lines if line)}


def main():
    command, budget = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    sides = [{}, {}]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for width, height in SIZES:
            picture(width, height).save(folder / f"{width}x{height}.jpg", quality=90)
        for _ in range(2):
            for side, new in zip(sides, (ours(command, budget, folder), theirs(budget, folder))):
                for name, value in new.items():
                    side[name] = min(value, side.get(name, value))
    print("| operation | " + " | ".join(f"{w} x {h}" for w, h in SIZES) + " |")
    print("|---|" + "---:|" * len(SIZES))
    rows = {}
    for name in sides[0]:
        operation, size = name.rsplit("/", 1)
        rows.setdefault(operation, {})[size] = name
    for operation, names in rows.items():
        cells = []
        for size, name in names.items():
            mine, other = (side[name] * 1e3 for side in sides)
            note = "" if len(names) > 1 else f" ({size})"
            cells.append(f"{mine:.3f} / {other:.3f} ms, {other / mine:.1f} x{note}")
        print(f"| {operation} | " + " | ".join(cells + [""] * (len(SIZES) - len(cells))) + " |")


if __name__ == "__main__":
    main()
