"""Writes tests/golden/resized.json: features of golden models after open_clip and timm resized their positions.

Needs torch, timm 1.0.31 and open_clip (4.2.0.dev0). Run in the crate's folder.
"""
import copy
import json
import math
import zlib

import torch
import open_clip
from open_clip.model import resize_pos_embed, resize_text_pos_embed
from timm.layers import resample_abs_pos_embed

torch.set_default_dtype(torch.float64)
models = json.load(open("tests/golden/open_clip.json"))["models"]


def weights(model):
    out = {}
    for name, shape in model["keys"].items():
        if name == "logit_scale":
            out[name] = torch.tensor(model["config"].get("init_logit_scale", math.log(1 / 0.07)))
            continue
        if name == "logit_bias":
            out[name] = torch.tensor(float(model["config"]["init_logit_bias"]))
            continue
        norm = any(part in name for part in ("ln_", "bn", "norm", "downsample.1"))
        one = len(shape) <= 1
        a, b = (0.1, 1.0) if one and name.endswith("weight") and norm else (0.05, 0.0) if one else (0.12, 0.0)
        count = math.prod(shape)
        phase = (zlib.crc32(name.encode()) % 1000) * 0.001
        value = a * torch.sin(torch.arange(1, count + 1) * 0.7390851 + phase) + b
        out[name] = value.to(torch.float32).to(torch.float64).reshape(shape)
    return out


def images(side):
    n, c, y, x = torch.meshgrid(torch.arange(3), torch.arange(3), torch.arange(side), torch.arange(side), indexing="ij")
    return torch.sin(0.1 * (n + 1) * (x + 1) + 0.07 * (c + 1) * (y + 1))


def texts(length, vocab=128):
    rows = []
    for n in range(3):
        end = length - 1 - n
        rows.append([1 + (7 * n + 13 * l + l * l) % (vocab - 2) if l < end else vocab - 1 if l == end else 0 for l in range(length)])
    return torch.tensor(rows)


def rounded(tensor):
    return [[float(f"{v:.9g}") for v in row] for row in tensor.tolist()]


cases = []
with torch.no_grad():
    for name, side in [("vit_gelu", 48), ("vit_gelu", 16), ("vit_clipa_style", 40), ("siglip_timm", 48)]:
        config = copy.deepcopy(models[name]["config"])
        state = weights(models[name])
        config["vision_cfg"]["image_size"] = side
        config.pop("custom_text", None)
        if name == "siglip_timm":
            config["vision_cfg"]["timm_model_kwargs"]["img_size"] = side
            model = open_clip.CustomTextCLIP(**config)
            key = "visual.trunk.pos_embed"
            state[key] = resample_abs_pos_embed(state[key], [side // 8, side // 8], num_prefix_tokens=0)
        else:
            model = open_clip.CLIP(**config)
            resize_pos_embed(state, model)
        model.load_state_dict(state, strict=True)
        cases.append(dict(model=name, image_size=side, image_features=rounded(model.double().eval().encode_image(images(side)))))
    for name, length in [("vit_gelu", 24), ("siglip_timm", 9)]:
        config = copy.deepcopy(models[name]["config"])
        state = weights(models[name])
        config["text_cfg"]["context_length"] = length
        model = (open_clip.CustomTextCLIP if name == "siglip_timm" else open_clip.CLIP)(**config)
        resize_text_pos_embed(state, model)
        model.load_state_dict(state, strict=True)
        cases.append(dict(model=name, context_length=length, text_features=rounded(model.double().eval().encode_text(texts(length)))))
with open("tests/golden/resized.json", "w") as file:
    file.write('{"cases": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
