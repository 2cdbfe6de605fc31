"""Makes crates/vlp-encoders/tests/golden/layer_groups.json: the number of parameters in each of open_clip's layer groups.

Needs torch 2.6.0, timm 1.0.31 and open_clip 4.2.0.dev0 (commit 89fb801). Models are built on the meta device.

    python scripts/golden/layer_groups.py crates/vlp-encoders/tests/golden/layer_groups.json
"""

import json
import sys

import open_clip
import timm
import torch
from open_clip.timm_model import TimmModel


def count(groups):
    def size(member):
        return member.numel() if isinstance(member, torch.nn.Parameter) else sum(p.numel() for p in member.parameters())

    return [sum(size(member) for member in members) for _, members in groups]


towers = {}
with torch.device("meta"):
    for name in ["ViT-B-32", "RN50", "ViT-B-16-SigLIP"]:
        model = open_clip.create_model(name, device="meta")
        towers[f"{name} image"] = count(model.visual.layer_groups())
        text = model.text.layer_groups() if hasattr(model, "text") else open_clip.transformer._text_layer_groups(model)
        towers[f"{name} text"] = count(text)
    # clip-rocket's backbones with its linear head of 256 columns without bias.
    for ours, theirs in {
        "R50": "resnet50",
        "CNEXTT": "convnext_tiny",
        "VITS16": "vit_small_patch16_224",
    }.items():
        towers[f"{ours} image"] = count(TimmModel(theirs, 256, proj="linear", pretrained=False).layer_groups())

lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(counts)}" for name, counts in towers.items())
versions = f' "timm": "{timm.__version__}", "open_clip": "{open_clip.__version__}"'
with open(sys.argv[1], "w") as file:
    file.write(f'{{\n{versions},\n "towers": {{\n{lines}\n }}\n}}\n')
