"""Indexing, inspecting and reading against webdataset's iteration of the same shards, by turns.

    python benches/peers/read.py [samples a shard]

Needs `pip install webdataset pillow numpy`. Writes four shards of JPEG files of 500 x 375 (Pillow, quality 90, 4:2:0) with captions and
metadata into a temporary folder, then asks `cargo bench -p vlp-data --bench data -- --read` and webdataset in turn for the samples a
second of one pass. webdataset reads with one process and one thread, as its reader does; ours are one thread too, but for `inspect`,
which takes all cores. Prints a Markdown table.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")

import webdataset as wds
from PIL import Image

from pictures import jpegs

ROUNDS, SHARDS = 3, 4
SAMPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
WIDTH, HEIGHT = 500, 375
ROWS = [
    ("index: names, sizes and captions of all samples", "index", "iterate"),
    ("`vlp data inspect`: every file read, 256 decoded", "inspect", "iterate"),
    ("the same by one thread", "inspect_by_one", "iterate"),
    ("read: caption, metadata and the picture's bytes", "read", "iterate"),
    ("read and decoded to pixels", "decode", "decode"),
]


def shards(folder):
    """Shards of 20 pictures over and over."""
    files = list(jpegs(20, WIDTH, HEIGHT))
    for shard in range(SHARDS):
        with tarfile.open(f"{folder}/{shard}.tar", "w") as tar:
            for i in range(SAMPLES):
                caption = f"picture {i} of shard {shard}"
                meta = json.dumps({"caption": caption, "width": WIDTH, "height": HEIGHT, "similarity": 0.3})
                for ending, data in (("jpg", files[i % 20]), ("txt", caption.encode()), ("json", meta.encode())):
                    info = tarfile.TarInfo(f"{shard}{i:06}.{ending}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    return statistics.mean(map(len, files)) / 1024


def peer(pattern):
    rates = {}
    for name in ("iterate", "decode"):
        dataset = wds.WebDataset(pattern, shardshuffle=False)
        dataset = dataset if name == "iterate" else dataset.decode("pilrgb")
        start, samples = time.perf_counter(), 0
        for sample in dataset:
            if name == "decode":
                sample["jpg"].load()
            samples += 1
        rates[name] = samples / (time.perf_counter() - start)
        assert samples == SHARDS * SAMPLES, samples
    return rates


def ours(pattern):
    command = os.environ.get("VLP_BENCH", "cargo bench -q -p vlp-data --no-default-features --bench data --").split()
    done = subprocess.run([*command, "--read", pattern], check=True, capture_output=True, text=True)
    return {name: float(rate) for name, rate in (line.split() for line in done.stdout.splitlines())}


def main():
    with tempfile.TemporaryDirectory() as folder:
        kilobytes = shards(folder)
        pattern = f"{folder}/{{0..{SHARDS - 1}}}.tar"
        turns = [(ours(pattern), peer(pattern)) for _ in range(ROUNDS)]
    print(f"webdataset {wds.__version__}, Pillow {Image.__version__}; {SHARDS * SAMPLES} samples of {kilobytes:.0f} KiB in {SHARDS} shards, "
          f"{os.cpu_count()} cores; samples a second, median of {ROUNDS} turns\n")
    print("| | this library | webdataset | ratio (smallest to largest) |\n|---|---|---|---|")
    for title, our, their in ROWS:
        pairs = [(one[our], other[their]) for one, other in turns]
        ratios = sorted(a / b for a, b in pairs)
        a, b = (statistics.median(side) for side in zip(*pairs))
        print(f"| {title} | {a:.0f} | {b:.0f} ({'iteration' if their == 'iterate' else 'decoding'}) | "
              f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
