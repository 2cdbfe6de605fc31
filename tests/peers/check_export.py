"""Loads exported folders strictly with open_clip and transformers and compares what they compute with our own numbers.

    cargo run --example export_for_peers -- exported
    python tests/peers/check_export.py exported

Needs torch, torchvision, timm, open_clip, transformers (4.57 or 5) and Pillow. The small SigLIP needs open_clip 4.2, whose
configurations can change the sizes of a timm model; everything else is checked with 3.3 too. Beside every folder NAME lies
NAME.json with our features and preprocessed pixels. Ends with exit status 1 when something differs.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

# 32-bit floats on both sides, sums in another order.
FEATURES = 1e-4
# A byte of a resized picture may differ by one, in units of the smallest standard deviation.
PIXELS = 1.01 / 255 / 0.224


def images(side):
    n, c, y, x = torch.meshgrid(torch.arange(3), torch.arange(3), torch.arange(side), torch.arange(side), indexing="ij")
    return torch.sin((0.1 * (n + 1) * (x + 1) + 0.07 * (c + 1) * (y + 1)).double()).float()


def texts(length, vocab):
    token = lambda n, l, end: 1 + (7 * n + 13 * l + l * l) % (vocab - 2) if l < end else vocab - 1 if l == end else 0
    return torch.tensor([[token(n, l, length - 1 - n) for l in range(length)] for n in range(3)])


def picture():
    y, x = np.mgrid[0:60, 0:100]
    return Image.fromarray(np.stack([5 * x + 3 * y, x * y, 2 * x + y * y], -1).astype(np.uint8))


def with_open_clip(folder, ours):
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    # The factory has loaded the file strictly already; this says so for whatever version is installed.
    from safetensors.torch import load_file
    model.load_state_dict(load_file(folder / "open_clip_model.safetensors"), strict=True)
    pixels = preprocess(picture())
    return model.encode_image(images(ours["side"])), model.encode_text(texts(ours["context_length"], ours["vocab_size"])), pixels


def with_transformers(folder, ours):
    from transformers import AutoModel, CLIPImageProcessor, SiglipImageProcessor

    model, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    trouble = {key: value for key, value in info.items() if value}
    if trouble:
        raise ValueError(f"not strict: {trouble}")
    model.eval()
    kind = {"clip": CLIPImageProcessor, "siglip": SiglipImageProcessor}[model.config.model_type]
    pixels = kind.from_pretrained(folder)(picture(), return_tensors="pt")["pixel_values"][0]
    image = model.get_image_features(pixel_values=images(ours["side"]))
    text = model.get_text_features(input_ids=texts(ours["context_length"], ours["vocab_size"]))
    # Version 5 gives the vectors in the output of the tower.
    image, text = (getattr(vectors, "pooler_output", vectors) for vectors in (image, text))
    return image, text, pixels


def main(root):
    folders = sorted(path for path in pathlib.Path(root).iterdir() if path.is_dir())
    if not folders:
        sys.exit(f"{root} holds no exported folder")
    failed = 0
    for folder in folders:
        ours = json.loads(folder.with_name(folder.name + ".json").read_text())
        load = with_transformers if (folder / "config.json").exists() else with_open_clip
        try:
            with torch.no_grad():
                image, text, pixels = load(folder, ours)
            off = [
                (image - torch.tensor(ours["image_features"])).abs().max().item(),
                (text - torch.tensor(ours["text_features"])).abs().max().item(),
                (torch.as_tensor(pixels).flatten() - torch.tensor(ours["pixels"])).abs().max().item(),
            ]
            good = off[0] < FEATURES and off[1] < FEATURES and off[2] < PIXELS
            said = "images {:.1e}, texts {:.1e}, pixels {:.1e}".format(*off)
        except Exception as error:
            good, said = False, f"{type(error).__name__}: {error}"
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {folder.name}: {said}")
    print(f"{len(folders) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
