"""Makes crates/vlp-weights/tests/golden/folders: small folders as timm 1.0.31 and transformers 5.24.0 save them, and what they compute.

    python scripts/golden/timm_folders.py crates/vlp-weights/tests/golden/folders
"""

import json
import pathlib
import shutil
import sys

import timm
import torch
import transformers as tf
from timm.models._hub import save_for_hf

root = pathlib.Path(sys.argv[1])
shutil.rmtree(root, ignore_errors=True)


def stir(model):
    torch.manual_seed(5)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    return model.eval()


def images(side):
    n, c, y, x = torch.meshgrid(torch.arange(2), torch.arange(3), torch.arange(side), torch.arange(side), indexing="ij")
    return torch.sin((0.1 * (n + 1) * (x + 1) + 0.07 * (c + 1) * (y + 1)).double()).float()


golden = {"timm": timm.__version__, "transformers": tf.__version__, "vectors": {}}
sizes = {"embed_dim": 16, "depth": 2, "num_heads": 2, "img_size": 32, "patch_size": 16}
for folder, name, arguments, classes, safe in [
    ("timm_clip", "vit_base_patch32_clip_quickgelu_224", sizes, 0, True),
    ("timm_plain", "vit_tiny_patch16_224", {**sizes, "init_values": 0.5}, 3, False),
    ("timm_siglip", "vit_base_patch32_siglip_256", {**sizes, "mlp_ratio": 2.0}, 0, True),
    ("timm_convnext", "convnext_atto", {"depths": [1, 1, 1, 1], "dims": [4, 6, 8, 12]}, 5, True),
]:
    model = stir(timm.create_model(name, num_classes=classes, **arguments))
    save_for_hf(model, root / folder, model_args=arguments, safe_serialization=safe)
    with torch.no_grad():
        golden["vectors"][folder] = model.forward_head(model.forward_features(images(32)), pre_logits=True).tolist()

tower = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
config = tf.VisionTextDualEncoderConfig.from_vision_text_configs(
    tf.CLIPVisionConfig(**tower, image_size=32, patch_size=16), tf.BertConfig(**tower, vocab_size=20, max_position_embeddings=8), projection_dim=6
)
model = stir(tf.VisionTextDualEncoderModel(config))
model.save_pretrained(root / "vision_text")
tokens = torch.tensor([[2, 5, 9, 3, 0, 0, 0, 0], [2, 7, 8, 11, 12, 13, 14, 3]])
with torch.no_grad():
    text = model.get_text_features(input_ids=tokens, attention_mask=(tokens != 0).long())
    image = model.get_image_features(pixel_values=images(32))
    text, image = (getattr(vectors, "pooler_output", vectors) for vectors in (text, image))
golden["vectors"]["vision_text"] = image.tolist()
golden["vision_text_texts"] = text.tolist()
(root / "vectors.json").write_text(json.dumps(golden))
