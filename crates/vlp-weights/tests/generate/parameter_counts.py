"""Writes tests/golden/parameter_counts.json: [total, image, text] of every preset, counted by open_clip itself.

Needs torch, timm 1.0.31 and open_clip at 4.2.0.dev0 (or newer) on the path; models are built on the `meta` device, so no
memory is taken. Run in the crate's folder: python tests/generate/parameter_counts.py
"""
import json

import torch
import open_clip

presets = json.load(open("presets/open_clip.json"))
counts = {}
for name, config in presets.items():
    custom = config.pop("custom_text", False)
    with torch.device("meta"):
        model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config)
    count = lambda parameters: sum(p.numel() for p in parameters)
    total, image = count(model.parameters()), count(model.visual.parameters())
    scalars = 1 + (model.logit_bias is not None)
    text = total - image - scalars
    if custom:
        assert text == count(model.text.parameters()), name
    counts[name] = [total, image, text]
    print(name, counts[name], flush=True)
with open("tests/golden/parameter_counts.json", "w") as file:
    file.write("{\n" + ",\n".join(f"{json.dumps(n)}: {c}" for n, c in counts.items()) + "\n}\n")
