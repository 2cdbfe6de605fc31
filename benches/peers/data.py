"""The loader against webdataset with torch's DataLoader on the same shards, by turns.

    python benches/peers/data.py [width height]

Needs `pip install torch torchvision webdataset pillow`. Writes two shards of 1,000 JPEG files (Pillow, quality 90, 4:2:0) into a
temporary folder, then asks `cargo bench -p vlp-data --bench data -- --loader` and webdataset in turn for the samples a second of
batches of 64: decode, open_clip's training crop (bicubic, 90 to 100 % of the area) to 224 x 224, bytes. No normalisation on
either side. Both shuffle: webdataset 2 shards and 500 samples, we everything. Prints a Markdown table.
"""

import io
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings

os.environ["OMP_NUM_THREADS"] = "1"
warnings.filterwarnings("ignore")

import torch
import webdataset as wds
from torchvision import transforms

from pictures import jpegs

torch.set_num_threads(1)
ROUNDS, SECONDS, SAMPLES, BATCH = 3, 6.0, 1000, 64
SIZES = [tuple(map(int, sys.argv[1:3]))] if len(sys.argv) == 3 else [(500, 375), (640, 480), (1024, 731)]


def shards(folder, width, height):
    """Two shards of 20 pictures, each 50 times; the mean size of a file in KiB."""
    files = list(jpegs(20, width, height))
    for shard in range(2):
        with tarfile.open(f"{folder}/{width}-{shard}.tar", "w") as tar:
            for i in range(SAMPLES):
                for name, data in ((f"{shard}{i:06}.jpg", files[i % 20]), (f"{shard}{i:06}.txt", b"a caption of a picture")):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return statistics.mean(map(len, files)) / 1024


def peer(pattern, workers):
    crop = transforms.Compose([
        transforms.RandomResizedCrop(224, scale=(0.9, 1.0), interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.PILToTensor(),
    ])
    dataset = (
        wds.WebDataset(pattern, resampled=True, shardshuffle=False)
        .shuffle(500, initial=100).decode("pilrgb").rename(image="jpg", text="txt")
        .map_dict(image=crop, text=lambda text: torch.full((32,), len(text) % 32)).to_tuple("image", "text")
        .batched(BATCH, partial=False)
    )
    batches = iter(wds.WebLoader(dataset, batch_size=None, num_workers=workers))

    def measure(seconds):
        start, samples = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            samples += len(next(batches)[0])
        return samples / (time.perf_counter() - start)

    measure(2.0)
    return measure(SECONDS)


def ours(pattern, workers):
    command = os.environ.get("VLP_BENCH", "cargo bench -q -p vlp-data --no-default-features --bench data --").split()
    done = subprocess.run([*command, "--loader", pattern, str(workers), str(SECONDS)], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main():
    random.seed(0)
    print(f"PyTorch {torch.__version__}, webdataset {wds.__version__}; samples a second, median of {ROUNDS} turns\n")
    print("| JPEG | workers | this library | webdataset + DataLoader | ratio (smallest to largest) |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            kilobytes = shards(folder, width, height)
            pattern = f"{folder}/{width}-{{0..1}}.tar"
            for workers in (1, 2):
                pairs = [(ours(pattern, workers), peer(pattern, workers)) for _ in range(ROUNDS)]
                a, b = (statistics.median(side) for side in zip(*pairs))
                ratios = sorted(x / y for x, y in pairs)
                print(f"| {width} x {height}, {kilobytes:.0f} KiB | {workers} | {a:.0f} | {b:.0f} | "
                      f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) |", flush=True)


if __name__ == "__main__":
    main()
