"""Makes crates/vlp-weights/tests/golden/lock_names.json: what still learns when open_clip 3.3.0 locks a tower.

Needs torch, timm 1.0.31 and open_clip_torch 3.3.0. Models are built on the meta device.

    python scripts/golden/lock_names.py crates/vlp-weights/tests/golden/lock_names.json
"""

import json
import pathlib
import sys
import tempfile

import open_clip
import timm

TEXT = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 3}
VIT = {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 3}
MODELS = {
    "ViT": {"embed_dim": 12, "vision_cfg": VIT, "text_cfg": TEXT},
    "ViT-custom-text": {"embed_dim": 12, "custom_text": True, "vision_cfg": VIT, "text_cfg": TEXT},
    "RN": {"embed_dim": 12, "vision_cfg": {"image_size": 32, "layers": [1, 2, 1, 1], "width": 4, "head_width": 32, "patch_size": None}, "text_cfg": TEXT},
    "SigLIP": {"embed_dim": 768, "custom_text": True, "init_logit_bias": -10,
               "vision_cfg": {"image_size": 256, "timm_model_name": "vit_base_patch32_siglip_256", "timm_model_pretrained": False, "timm_pool": "map", "timm_proj": "none"},
               "text_cfg": {**TEXT, "no_causal_mask": True, "proj_bias": True, "pool_type": "last"}},
    "ConvNeXt": {"embed_dim": 12, "custom_text": False,
                 "vision_cfg": {"image_size": 64, "timm_model_name": "convnext_atto", "timm_model_pretrained": False, "timm_pool": "", "timm_proj": "linear"},
                 "text_cfg": TEXT},
}

cases = []
with tempfile.TemporaryDirectory() as folder:
    for name, config in MODELS.items():
        (pathlib.Path(folder) / f"lock-{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    for name, config in MODELS.items():
        for tower in ["image", "text"]:
            for groups in range(7):
                model = open_clip.create_model(f"lock-{name}", device="meta")
                try:
                    if tower == "image":
                        model.lock_image_tower(unlocked_groups=groups)
                    else:
                        model.lock_text_tower(unlocked_layers=groups)
                except Exception as error:
                    cases.append({"model": name, "tower": tower, "groups": groups, "refused": f"{type(error).__name__}: {error}"})
                    continue
                mine = lambda key: key.startswith("visual.") == (tower == "image") and key not in ("logit_scale", "logit_bias")
                learning = sorted(key for key, value in model.named_parameters() if mine(key) and value.requires_grad)
                cases.append({"model": name, "tower": tower, "groups": groups, "learning": learning})

said = {"open_clip": open_clip.__version__, "timm": timm.__version__}
lines = ",\n".join(f"  {json.dumps(case)}" for case in cases)
models = ",\n".join(f"  {json.dumps(name)}: {json.dumps(config)}" for name, config in MODELS.items())
with open(sys.argv[1], "w") as file:
    file.write(f'{{\n "versions": {json.dumps(said)},\n "models": {{\n{models}\n }},\n "cases": [\n{lines}\n ]\n}}\n')
