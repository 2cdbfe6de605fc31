"""Makes crates/vlp-encoders/tests/golden/presets.json: what open_clip and timm build under the names of our presets.

Needs torch 2.6.0, timm 1.0.31 and open_clip_torch 3.3.0. Models are built on the meta device, so nothing is downloaded.

    python scripts/golden/presets.py crates/vlp-encoders/tests/golden/presets.json
"""

import json
import sys

import open_clip
import timm
import torch
from open_clip.factory import get_model_config
from open_clip.model import CLIP, CustomTextCLIP
from torch import nn

BACKBONES = [
    "resnet50", "resnet18", "resnet34", "resnet101", "resnet152", "convnext_tiny", "convnext_small", "convnext_base",
    "vit_small_patch16_224", "vit_small_patch32_224", "vit_base_patch16_224", "vit_base_patch32_224",
    "vit_large_patch16_224",
]  # fmt: skip


def count(module):
    return sum(p.numel() for p in module.parameters())


def ours(config):
    """Whether both towers are of a kind that vlp-encoders has."""
    image, text = config["vision_cfg"], config["text_cfg"]
    foreign = "multimodal_cfg" in config or "audio_cfg" in config or "hf_model_name" in text or "modern" in str(text)
    return not foreign and "siglip" in image.get("timm_model_name", "siglip")


def activation(module):
    if isinstance(module, nn.GELU):
        return "gelu-tanh" if module.approximate == "tanh" else "gelu"
    return {"QuickGELU": "quick-gelu", "GELUTanh": "gelu-tanh", "GELU": "gelu"}[type(module).__name__]


def image(tower, config):
    if hasattr(tower, "attnpool"):
        layers = [len(getattr(tower, f"layer{i}")) for i in range(1, 5)]
        return dict(kind="rn", size=tower.image_size, width=tower.conv3.out_channels, layers=layers,
                    heads=tower.attnpool.num_heads, output=tower.output_dim)  # fmt: skip
    if hasattr(tower, "trunk"):
        trunk = tower.trunk
        block, pool = trunk.blocks[0], trunk.attn_pool
        return dict(kind="timm", size=trunk.patch_embed.img_size[0], tokens=trunk.pos_embed.shape[1],
                    patch=trunk.patch_embed.patch_size[0], width=trunk.embed_dim, depth=len(trunk.blocks),
                    heads=block.attn.num_heads, hidden=block.mlp.fc1.out_features, activation=activation(block.mlp.act),
                    eps=block.norm1.eps, pool=trunk.global_pool, pool_activation=activation(pool.mlp.act),
                    pool_hidden=pool.mlp.fc1.out_features, pool_heads=pool.num_heads, pool_eps=pool.norm.eps)  # fmt: skip
    block = tower.transformer.resblocks[0]
    return dict(kind="open_clip", size=tower.image_size[0], tokens=tower.positional_embedding.shape[0],
                patch=tower.patch_size[0], width=tower.conv1.out_channels, depth=len(tower.transformer.resblocks),
                heads=block.attn.num_heads, hidden=block.mlp.c_fc.out_features, activation=activation(block.mlp.gelu),
                eps=block.ln_1.eps, pool=tower.pool_type, ln_pre=not isinstance(tower.ln_pre, nn.Identity),
                ln_after_pool=bool(tower.final_ln_after_pool), layer_scale=config.get("ls_init_value"))  # fmt: skip


def text(model):
    custom = hasattr(model, "text")
    tower = model.text if custom else model
    pool = tower.pool_type if custom else model.text_pool_type
    eos = getattr(tower, "eos_id", None) if custom else getattr(model, "text_eos_id", None)
    block, projection = tower.transformer.resblocks[0], tower.text_projection
    head = "identity" if projection is None else "biased-linear" if isinstance(projection, nn.Linear) else "linear"
    return dict(context=tower.context_length, vocab=tower.vocab_size, width=tower.positional_embedding.shape[1],
                depth=len(tower.transformer.resblocks), heads=block.attn.num_heads, hidden=block.mlp.c_fc.out_features,
                activation=activation(block.mlp.gelu), eps=tower.ln_final.eps, pool=pool,
                eos=eos if pool == "eos" else None, causal=tower.attn_mask is not None, head=head)  # fmt: skip


def main():
    torch.set_default_device("meta")
    models = {}
    for name in open_clip.list_models():
        config = get_model_config(name)
        if not ours(config):
            continue
        custom = config.pop("custom_text", False) or "timm_model_name" in config["vision_cfg"]
        model = (CustomTextCLIP if custom else CLIP)(**config)
        models[name] = dict(total=count(model), visual=count(model.visual), embed_dim=config["embed_dim"],
                            image=image(model.visual, config["vision_cfg"]), text=text(model))  # fmt: skip
    backbones = {name: count(timm.create_model(name, num_classes=0)) for name in BACKBONES}
    description = (
        "open_clip 3.3.0 presets as built with timm 1.0.31 and torch 2.6.0 on the meta device: parameter counts (all, with "
        "the scales; image tower alone) and what decides the arithmetic. timm: parameter counts of backbones without "
        "classifier."
    )
    lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in models.items())
    head = f'{{"description":{json.dumps(description)},\n"timm":{json.dumps(backbones)},\n"open_clip":{{\n'
    with open(sys.argv[1], "w") as file:
        file.write(f"{head}{lines}\n}}}}\n")


if __name__ == "__main__":
    main()
