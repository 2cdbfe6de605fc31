"""Writes tests/golden/one_tower/: models of one tower as transformers saves them, and the vectors that they give. Needs torch and
transformers; run once with version 4 (4.57.6) and once with version 5 (5.24.0) in the crate's folder: they name tensors differently.
"""
import json
import os

import numpy as np
import torch
import transformers
from transformers import (
    CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionConfig, CLIPVisionModel, CLIPVisionModelWithProjection,
    SiglipTextConfig, SiglipTextModel, SiglipVisionConfig, SiglipVisionModel,
)

torch.manual_seed(0)
sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
image, text = dict(image_size=32, patch_size=16), dict(vocab_size=20, max_position_embeddings=6, bos_token_id=18, eos_token_id=19)
clip_image, clip_text = CLIPVisionConfig(**sizes, **image, projection_dim=12), CLIPTextConfig(**sizes, **text, projection_dim=12)
models = {
    "clip_vision": CLIPVisionModel(clip_image),
    "clip_vision_projection": CLIPVisionModelWithProjection(clip_image),
    "clip_text": CLIPTextModel(clip_text),
    "clip_text_projection": CLIPTextModelWithProjection(clip_text),
    "siglip_vision": SiglipVisionModel(SiglipVisionConfig(**sizes, **image)),
    "siglip_text": SiglipTextModel(SiglipTextConfig(**sizes, **text, projection_size=12)),
}
y, x = np.mgrid[0:32, 0:32]
pixels = np.stack([5 * x + 3 * y, x * y, 2 * x + y * y], 0).astype(np.uint8).astype(np.float64) / 255
statistics = {
    "clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    "siglip": ([0.5] * 3, [0.5] * 3),
}
ids = torch.tensor([[18, 3, 7, 19, 19, 19], [18, 1, 2, 4, 9, 19]])
version = transformers.__version__.split(".")[0]
for name, model in models.items():
    model = model.eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder = f"tests/golden/one_tower/{name}_{version}"
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    mean, std = statistics[name.split("_")[0]]
    normal = (pixels - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    with torch.no_grad():
        output = model(torch.tensor(normal[None], dtype=torch.float32)) if "vision" in name else model(ids)
    vectors = next(getattr(output, key) for key in ("image_embeds", "text_embeds", "pooler_output") if hasattr(output, key))
    with open(f"{folder}/vectors.json", "w") as file:
        json.dump([[round(value, 6) for value in row] for row in vectors.tolist()], file)
