"""`vlp embed` against open_clip on the same JPEG files and the same ViT-B/32 of random weights, by turns.

    python benches/peers/embed.py [pictures]

Needs `pip install open_clip_torch safetensors pillow`, and `vlp` on the PATH or in VLP. open_clip reads with a DataLoader of two workers and
computes with two threads, `vlp` with as many; both decode, resize and cut to 224, embed in batches of 32 and write unit vectors. Times
begin when the model is loaded. Prints a Markdown table and the largest difference of the vectors.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file

from pictures import jpegs

NAME, WIDTH, HEIGHT, ROUNDS, BATCH, THREADS = "ViT-B-32", 500, 375, 3, 32, 2
PICTURES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
VLP = os.environ.get("VLP", "vlp").split()


def write_pictures(folder):
    """40 pictures under many names."""
    os.mkdir(folder)
    for number, data in enumerate(jpegs(min(40, PICTURES), WIDTH, HEIGHT)):
        with open(f"{folder}/{number:05}.jpg", "wb") as file:
            file.write(data)
    for number in range(40, PICTURES):
        os.link(f"{folder}/{number % 40:05}.jpg", f"{folder}/{number:05}.jpg")


def write_model(folder, model):
    config = {"model_cfg": open_clip.get_model_config(NAME), "preprocess_cfg": {}}
    os.mkdir(folder)
    with open(f"{folder}/open_clip_config.json", "w") as file:
        json.dump(config, file)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, f"{folder}/open_clip_model.safetensors")


class Files(torch.utils.data.Dataset):
    def __init__(self, folder, preprocess):
        self.paths, self.preprocess = sorted(os.path.join(folder, name) for name in os.listdir(folder)), preprocess

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.preprocess(Image.open(self.paths[index]).convert("RGB"))


def peer(folder, model, preprocess, out):
    begun, rows = time.perf_counter(), []
    loader = torch.utils.data.DataLoader(Files(folder, preprocess), batch_size=BATCH, num_workers=THREADS)
    with torch.inference_mode():
        for images in loader:
            rows.append(model.encode_image(images, normalize=True).numpy())
    np.save(out, np.concatenate(rows))
    return PICTURES / (time.perf_counter() - begun)


def ours(folder, model, out):
    command = [*VLP, "embed", model, folder, "--out", out, "--batch", str(BATCH), "--workers", str(THREADS), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return PICTURES / json.loads(done.stdout)["seconds"]


def main():
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    model, _, preprocess = open_clip.create_model_and_transforms(NAME)
    model.eval()
    print(f"PyTorch {torch.__version__}, open_clip {open_clip.__version__}; {PICTURES} JPEG files of {WIDTH} x {HEIGHT}, pictures a second\n")
    with tempfile.TemporaryDirectory() as folder:
        pictures, weights = f"{folder}/pictures", f"{folder}/{NAME}"
        write_pictures(pictures)
        write_model(weights, model)
        pairs = [
            (ours(pictures, weights, f"{folder}/ours.npy"), peer(pictures, model, preprocess, f"{folder}/peer.npy"))
            for _ in range(ROUNDS)
        ]
        difference = np.abs(np.load(f"{folder}/ours.npy") - np.load(f"{folder}/peer.npy")).max()
    a, b = (statistics.median(side) for side in zip(*pairs))
    ratios = sorted(x / y for x, y in pairs)
    print("| model | this library | open_clip, DataLoader of 2 workers | ratio (smallest to largest) |\n|---|---|---|---|")
    print(f"| {NAME} | {a:.1f} | {b:.1f} | **{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")
    print(f"\nlargest difference of the vectors: {difference:.1e}")


if __name__ == "__main__":
    main()
