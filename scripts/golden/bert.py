"""Makes crates/vlp-encoders/tests/golden/bert.json and crates/vlp-weights/tests/golden/hf_text.json: text towers of Hugging
Face under open_clip's poolers and projections, at toy sizes.

Needs torch 2.15.0, transformers 5.24.0 and open_clip_torch 3.3.0. Weights follow the formula of vlp-testkit (`weights`) under
names that tell layer normalisations (`norm`) from embeddings; everything is computed in f64 from weights rounded to f32.

    python scripts/golden/bert.py
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from open_clip.hf_model import HFTextEncoder

torch.set_default_dtype(torch.float64)
VOCAB, LENGTH, TEXTS, EMBED = 60, 10, 3, 20
SIZES = dict(
    vocab_size=VOCAB, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, hidden_act="gelu"
)


def alias(key):
    return key.replace("embeddings.LayerNorm", "input.norm").replace("LayerNorm", "norm")


def lcg(key, shape):
    """The generator of vlp-testkit's Formula::Lcg."""
    if "embedding" in key and "patch" not in key:
        scale, offset = 0.5, 0.0
    elif len(shape) <= 1:
        norm = key.endswith("weight") and any(part in key for part in ("norm", "layrnorm"))
        scale, offset = (0.1, 1.0) if norm else (0.05, 0.0)
    else:
        scale, offset = ((6.0 if len(shape) == 4 else 3.0) / np.prod(shape[1:])) ** 0.5, 0.0
    state, values = zlib.crc32(key.encode()), []
    for _ in range(int(np.prod(shape))):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((2 * state / 2**32 - 1) * scale + offset)
    return torch.tensor(np.array(values, dtype=np.float32).astype(np.float64)).reshape(shape)


def fill(module):
    state = module.state_dict()
    for key, tensor in state.items():
        if tensor.is_floating_point() and key != "logit_scale":
            tensor.copy_(lcg(alias(key), list(tensor.shape)))
    module.load_state_dict(state)


def texts(pad):
    def token(n, l):
        end = LENGTH - 1 - n
        return 1 + (7 * n + 13 * l + l * l) % (VOCAB - 2) if l < end else VOCAB - 1 if l == end else pad

    return torch.tensor([[token(n, l) for l in range(LENGTH)] for n in range(TEXTS)])


def objective(features):
    n, d = np.ogrid[1 : features.shape[0] + 1, 1 : features.shape[1] + 1]
    return (features * torch.tensor(np.cos(0.3 * n * d).astype(np.float32).astype(np.float64))).sum()


def digits(value):
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    return [digits(item) for item in value] if isinstance(value, list) else float(f"{value:.9g}")


def config(kind):
    if kind == "bert":
        return transformers.BertConfig(**SIZES, max_position_embeddings=16, type_vocab_size=2, pad_token_id=0)
    kind = transformers.RobertaConfig if kind == "roberta" else transformers.XLMRobertaConfig
    return kind(**SIZES, max_position_embeddings=18, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)


def run(kind, pooler, projection):
    configuration = config(kind)
    configuration._attn_implementation = "eager"
    tower = HFTextEncoder("", EMBED, config=configuration, pooler_type=pooler, proj_type=projection).double().eval()
    fill(tower)
    shapes = {alias(key): list(t.shape) for key, t in tower.state_dict().items() if t.is_floating_point()}
    if pooler != "cls_pooler":
        shapes = {key: shape for key, shape in shapes.items() if ".pooler." not in key}
    tokens = texts(configuration.pad_token_id)
    seen = (tokens != configuration.pad_token_id).long()
    hidden = tower.transformer(input_ids=tokens, attention_mask=seen)
    pooled = tower.pooler(hidden, seen)
    objective(pooled).backward()
    norms = {alias(k): digits(p.grad.norm()) for k, p in tower.named_parameters() if p.grad is not None}
    return {
        "name": f"{kind}, {pooler}, {projection}",
        "kind": kind,
        "pooler": pooler,
        "projection": projection,
        "shapes": shapes,
        "hidden_mean": digits(hidden.last_hidden_state.mean(1)),
        "pooled": digits(pooled),
        "features": digits(tower(tokens)),
        "grad_norms": norms,
    }


def vision_text():
    """transformers' model of a CLIP vision tower and a RoBERTa."""
    vision = transformers.CLIPVisionConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=8
    )
    both = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(vision, config("roberta"), projection_dim=EMBED)
    model = transformers.VisionTextDualEncoderModel(both).double().eval()
    fill(model)
    n, c, y, x = np.ogrid[1:3, 1:4, 1:17, 1:17]
    pictures = torch.tensor(np.sin(0.1 * n * x + 0.07 * c * y).astype(np.float32).astype(np.float64))
    tokens = texts(1)
    outputs = model(input_ids=tokens, attention_mask=(tokens != 1).long(), pixel_values=pictures)
    keep = ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act")
    keep += ("image_size", "patch_size", "layer_norm_eps", "projection_dim", "vocab_size", "max_position_embeddings")
    keep += ("type_vocab_size", "pad_token_id", "position_embedding_type", "is_decoder", "num_channels")
    described = both.to_dict()
    for part in ("vision_config", "text_config"):
        described[part] = {key: value for key, value in described[part].items() if key in keep}
    keep += ("vision_config", "text_config", "logit_scale_init_value")
    return {
        "name": "vision-text-dual-encoder",
        "config": {key: value for key, value in described.items() if key in keep},
        "shapes": {alias(key): list(t.shape) for key, t in model.state_dict().items() if t.is_floating_point()},
        "logit_scale": digits(model.logit_scale),
        "image_embeds": digits(outputs.image_embeds),
        "text_embeds": digits(outputs.text_embeds),
    }


cases = [
    run("bert", "mean_pooler", "mlp"),
    run("bert", "cls_pooler", "linear"),
    run("bert", "cls_last_hidden_state_pooler", "linear"),
    run("roberta", "mean_pooler", "mlp"),
    run("xlm-roberta", "cls_last_hidden_state_pooler", "linear"),
]
versions = f"torch {torch.__version__}, transformers {transformers.__version__}, open_clip 3.3.0; float64, 9 digits"
sizes = {"vocab": VOCAB, "length": LENGTH, "texts": TEXTS, "embed_dim": EMBED}
root = Path(__file__).parents[2] / "crates"


def write(path, keys, more=()):
    kept = [{key: case[key] for key in keys} for case in cases] + list(more)
    text = json.dumps({"source": versions, **sizes, "cases": kept}, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (root / path).write_text(text + "\n")


write("vlp-encoders/tests/golden/bert.json", ["name", "kind", "pooler", "shapes", "hidden_mean", "pooled", "grad_norms"])
for case in cases:
    print(case["name"], case["features"][0][:3], len(case["shapes"]), "tensors", file=sys.stderr)
keys = ["name", "kind", "pooler", "projection", "shapes", "features"]
write("vlp-weights/tests/golden/hf_text.json", keys, [vision_text()])
