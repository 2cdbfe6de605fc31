"""Writes tests/golden/processors.json: what transformers' image processors and open_clip's transform make of pictures, for files as
they are found in the wild. Needs torch, torchvision, open_clip (3.3.0), transformers (5.24.0) and Pillow (13.0). Run in the crate's
folder.
"""
import json

import numpy as np
from PIL import Image
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil, ViTImageProcessorPil

CLASSES = {"CLIP": CLIPImageProcessorPil, "Siglip": SiglipImageProcessorPil, "ViT": ViTImageProcessorPil}


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([5 * x + 3 * y, x * y, 2 * x + y * y], -1).astype(np.uint8))


def case(kind, config, width, height, values):
    values = np.asarray(values, dtype=np.float64)
    channels, rows, columns = values.shape
    points = [[k % 3, (k * 7919 + 13) % rows, (k * 104729 + 7) % columns] for k in range(40)]
    samples = [round(float(values[c, y, x]), 6) for c, y, x in points]
    return dict(kind=kind, config=config, w=width, h=height, shape=[rows, columns], points=points, samples=samples,
                mean=round(float(values.mean()), 6))


size = lambda side: {"height": side, "width": side}
hugging_face = [
    ("CLIP", {"size": {"shortest_edge": 32}, "crop_size": size(32), "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}),
    ("CLIP", {"size": {"shortest_edge": 32}, "crop_size": size(32), "resample": 2, "image_mean": 0.5, "image_std": 0.25}),
    ("CLIP", {"size": {"shortest_edge": 40}, "crop_size": size(32)}),
    ("CLIP", {"size": size(36), "crop_size": size(32), "do_center_crop": True}),
    ("CLIP", {"size": size(32), "do_center_crop": False}),
    ("CLIP", {"size": {"shortest_edge": 336}}),
    ("CLIP", {"size": 32, "crop_size": 32, "do_normalize": False}),
    ("CLIP", {}),
    ("Siglip", {"size": size(32), "resample": 2}),
    ("Siglip", {}),
    ("ViT", {"size": size(32)}),
]
open_clip = [
    {"size": 32, "mean": 0.5, "std": 0.25},
    {"size": 32, "mean": 0.0, "std": [1, 1, 1]},
    {"size": 32, "mean": None, "resize_mode": "squash", "interpolation": "bilinear", "added_since": True},
    {"size": 32, "resize_mode": "longest", "fill_color": [1, 200, 3]},
    {"size": [24, 40], "interpolation": "bilinear"},
    {},
]
cases = []
for width, height in [(40, 60), (61, 97), (301, 200)]:
    for name, config in hugging_face:
        values = CLASSES[name](**config)(picture(width, height), return_tensors="np")["pixel_values"][0]
        cases.append(case("hugging_face", {**config, "image_processor_type": f"{name}ImageProcessor"}, width, height, values))
    for config in open_clip:
        cfg = PreprocessCfg(**merge_preprocess_dict(PreprocessCfg(), config))
        values = image_transform_v2(cfg, is_train=False)(picture(width, height)).numpy()
        cases.append(case("open_clip", config, width, height, values))
with open("tests/golden/processors.json", "w") as file:
    file.write('{"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
