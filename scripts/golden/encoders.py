"""Makes crates/vlp-encoders/tests/golden/{vit_variants,convnext,heads,positions}.json.

Needs torch 2.6.0, timm 1.0.31 and open_clip_torch 3.3.0 (for its sine-cosine positions). Weights, pictures and objective
follow the formulas of vlp-testkit (`weights`, `inputs`); everything is computed in f64 from weights rounded to f32.

    python scripts/golden/encoders.py crates/vlp-encoders/tests/golden
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import timm
import torch
from open_clip.pos_embed import get_2d_sincos_pos_embed
from timm.models.convnext import ConvNeXt
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


def lcg(key, shape):
    """The generator of vlp-testkit's Formula::Lcg."""
    count = int(np.prod(shape)) if shape else 1
    if any(part in key for part in ("pos_embed", "cls_token", "embedding")) and "patch" not in key:
        scale, offset = 0.5, 0.0
    elif key.endswith("running_var"):
        scale, offset = 0.2, 1.0
    elif key.endswith("running_mean"):
        scale, offset = 0.1, 0.0
    elif len(shape) <= 1:
        norm = key.endswith("weight") and any(p in key for p in ("ln_", "bn", "norm", "downsample.1", "layrnorm"))
        scale, offset = (0.1, 1.0) if norm else (0.05, 0.0)
    else:
        scale, offset = (6.0 if len(shape) == 4 else 3.0) / np.prod(shape[1:]), 0.0
        scale = scale**0.5
    state, values = zlib.crc32(key.encode()), []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((2 * state / 2**32 - 1) * scale + offset)
    return torch.tensor(np.array(values, dtype=np.float32).astype(np.float64)).reshape(shape)


def fill(module):
    state = module.state_dict()
    for key, tensor in state.items():
        if tensor.is_floating_point():
            tensor.copy_(lcg(key, list(tensor.shape)))
    module.load_state_dict(state)
    return module


def shapes(module):
    return {k: list(t.shape) for k, t in module.state_dict().items() if not k.endswith("num_batches_tracked")}


def images(count, side):
    n, c, y, x = np.ogrid[1 : count + 1, 1:4, 1 : side + 1, 1 : side + 1]
    values = np.sin(0.1 * n * x + 0.07 * c * y).astype(np.float32).astype(np.float64)
    return torch.tensor(values).requires_grad_(True)


def objective(features):
    n, d = np.ogrid[1 : features.shape[0] + 1, 1 : features.shape[1] + 1]
    return (features * torch.tensor(np.cos(0.3 * n * d).astype(np.float32).astype(np.float64))).sum()


def digits(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    return [digits(item) for item in value] if isinstance(value, list) else float(f"{value:.9g}")


def norms(module):
    return {k: digits(p.grad.norm()) for k, p in module.named_parameters() if p.grad is not None}


def encoder(module, count, side):
    x = images(count, side)
    features = module(x)
    total = objective(features)
    total.backward()
    return {
        "count": count,
        "side": side,
        "shapes": shapes(module),
        "features": digits(features),
        "objective": digits(total),
        "grad_norms": norms(module),
        "input_grad_norm": digits(x.grad.norm()),
    }


def vit_variants():
    cases = {
        "registers": dict(reg_tokens=2),
        "registers_without_positions": dict(reg_tokens=3, no_embed_class=True, init_values=0.3),
        "mean": dict(class_token=False, global_pool="avg", fc_norm=False),
        "mean_norm_after": dict(class_token=False, global_pool="avg"),
        "patch_mean_norm_after": dict(global_pool="avg"),
        "patch_mean_registers": dict(global_pool="avg", fc_norm=False, reg_tokens=1),
        "map": dict(class_token=False, global_pool="map", mlp_ratio=2.6, act_layer="gelu_tanh"),
        "pre_norm": dict(pre_norm=True),
    }
    base = dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=0)
    return {name: encoder(fill(VisionTransformer(**{**base, **kw})), 3, 32) for name, kw in cases.items()}


def convnext():
    cases = {
        "plain": (dict(depths=(1, 2, 1, 1), dims=(8, 12, 16, 24)), 2, 64),
        "odd_picture": (dict(depths=(1, 1, 2, 1), dims=(6, 8, 10, 12)), 3, 52),
    }
    out = {}
    for name, (sizes, count, side) in cases.items():
        module = fill(ConvNeXt(num_classes=0, ls_init_value=1e-6, **sizes))
        out[name] = {**encoder(module, count, side), "depths": sizes["depths"], "dims": sizes["dims"]}
    return out


class Mlp(nn.Module):
    """Linear, BatchNorm, activation, ..., as the methods' code builds it; keys `layers.i`, `norms.i`."""

    def __init__(self, widths, bias, last_bias, last_norm, act=F.relu):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        last = len(pairs) - 1
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=last_bias if i == last else bias) for i, (a, b) in enumerate(pairs))
        norms = [nn.BatchNorm1d(b) for _, b in pairs[:-1]]
        if last_norm != "none":
            norms.append(nn.BatchNorm1d(widths[-1], affine=last_norm == "affine"))
        self.norms, self.act, self.last = nn.ModuleList(norms), act, last

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.norms):
                x = self.norms[i](x)
            if i < self.last:
                x = self.act(x)
        return x


class Dino(nn.Module):
    def __init__(self, widths, output):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.last = nn.utils.weight_norm(nn.Linear(widths[-1], output, bias=False))

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.layers) - 1:
                x = F.gelu(x)
        return self.last(F.normalize(x, dim=-1))


def rows(count, columns):
    n, d = np.ogrid[1 : count + 1, 1 : columns + 1]
    return torch.tensor(np.sin(0.37 * n * d + 0.1 * n).astype(np.float32).astype(np.float64)).requires_grad_(True)


def head(module, count, columns):
    x = rows(count, columns)
    result = {"count": count, "columns": columns, "shapes": shapes(module)}
    out = module.train()(x)
    total = objective(out)
    total.backward()
    after = {k: digits(v) for k, v in module.state_dict().items() if "running_" in k}
    return {
        **result,
        "output": digits(out),
        "grad_norms": norms(module),
        "input_grad_norm": digits(x.grad.norm()),
        "running_after": after,
        "eval_output_after": digits(module.eval()(x)),
    }


def heads():
    mlps = {
        "clip_rocket": (([6, 8, 8, 5], True, True, "none"), F.relu),
        "barlip": (([6, 7, 7, 9], True, True, "affine"), F.relu),
        "siamlip_projector": (([6, 8, 5], False, False, "plain"), F.relu),
        "siamlip_predictor": (([5, 8, 5], False, True, "none"), F.relu),
        "nclip": (([6, 8, 8, 11], True, True, "plain"), F.gelu),
        "moco_v3_projector": (([6, 8, 8, 4], False, False, "plain"), F.relu),
        "moco_v3_predictor": (([4, 8, 4], False, False, "plain"), F.relu),
    }
    out = {name: head(fill(Mlp(*args, act=act)), 7, args[0][0]) for name, (args, act) in mlps.items()}
    dino = fill(Dino([6, 8, 8, 5], 9))
    dino.last.weight_g.data.fill_(1)
    dino.last.weight_g.requires_grad = False
    out["dino"] = head(dino, 7, 6)
    return out


def positions():
    def values(*shape):
        return torch.tensor(np.sin(0.7 * (1 + np.arange(np.prod(shape)))).astype(np.float32).astype(np.float64)).reshape(shape)

    grids = []
    for old, new, width in [((2, 2), (4, 4), 2), ((7, 7), (4, 4), 3), ((4, 4), (7, 5), 1), ((3, 5), (3, 5), 2), ((14, 14), (9, 16), 1)]:
        x = values(old[0] * old[1], width)
        grid = x.reshape(1, *old, width).permute(0, 3, 1, 2)
        y = F.interpolate(grid, size=new, mode="bicubic", antialias=True, align_corners=False)
        grids.append({"from": old, "to": new, "width": width, "output": digits(y.permute(0, 2, 3, 1).reshape(-1))})
    texts = []
    for old, new, width in [(5, 8, 2), (8, 5, 3), (77, 16, 1), (6, 6, 1), (1, 3, 2)]:
        x = values(old, width)
        y = F.interpolate(x.T[None], size=new, mode="linear", align_corners=False)[0].T
        texts.append({"from": old, "to": new, "width": width, "output": digits(y.reshape(-1))})
    # MoCo v3 flattens grids that meshgrid gives in matrix order, so its first half follows the row.
    side, width = 3, 8
    omega = 1.0 / 10000 ** (torch.arange(width // 4) / (width // 4))
    first, second = torch.meshgrid(torch.arange(side) * 1.0, torch.arange(side) * 1.0, indexing="ij")
    first, second = first.flatten()[:, None] * omega, second.flatten()[:, None] * omega
    moco = torch.cat([first.sin(), first.cos(), second.sin(), second.cos()], 1)
    open_clip = torch.tensor(get_2d_sincos_pos_embed(width, side, cls_token=True))
    return {
        "grids": grids,
        "texts": texts,
        "sin_cos": {"side": side, "width": width, "open_clip": digits(open_clip), "moco": digits(moco)},
    }


def main():
    folder = Path(sys.argv[1])
    made_with = f"scripts/golden/encoders.py with torch {torch.__version__}, timm {timm.__version__}; f64, 9 digits"
    for name, make in [("vit_variants", vit_variants), ("convnext", convnext), ("heads", heads), ("positions", positions)]:
        data = {"description": made_with, name: make()}
        (folder / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
