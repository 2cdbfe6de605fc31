"""Makes crates/vlp-ops/tests/golden/attention.json: PyTorch's scaled_dot_product_attention in f64, values and gradients.

Needs torch 2.6.0.

    python scripts/golden/attention.py crates/vlp-ops/tests/golden

Inputs are `sin(0.37 i + seed) + 0.3 cos(1.9 i)` over `[batch, tokens, heads * dim]`, times `size`; the gradients are those of the sum
of the output against weights made the same way. Kept are every 29th number of each tensor and the sum of all.
"""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

CASES = [
    # queries, keys, batch, heads, dim, causal, scale, size
    (16, 16, 2, 5, 32, False, None, 1.0),
    (24, 24, 2, 4, 32, True, None, 1.0),
    (65, 65, 1, 3, 64, False, None, 1.0),
    (77, 77, 1, 2, 64, True, None, 1.0),
    (1, 49, 2, 4, 12, False, None, 1.0),
    (9, 9, 2, 2, 10, True, 0.5, 1.0),
    (20, 20, 1, 2, 8, False, None, 30.0),
]


def tensor(batch, tokens, width, seed, size):
    at = torch.arange(batch * tokens * width, dtype=torch.float64)
    return (size * (torch.sin(0.37 * at + seed) + 0.3 * torch.cos(1.9 * at))).reshape(batch, tokens, width)


def kept(x):
    x = x.detach().flatten()
    return {"every_29th": [float(f"{y:.10g}") for y in x[::29].tolist()], "sum": x.sum().item()}


def case(queries, keys, batch, heads, dim, causal, scale, size):
    width = heads * dim
    q, k, v = (
        tensor(batch, tokens, width, seed, size).requires_grad_()
        for tokens, seed in ((queries, 0.2), (keys, 1.1), (keys, 2.3))
    )
    split = (x.view(batch, -1, heads, dim).transpose(1, 2) for x in (q, k, v))
    output = F.scaled_dot_product_attention(*split, is_causal=causal, scale=scale).transpose(1, 2).reshape(q.shape)
    (output * tensor(batch, queries, width, 4.0, 1.0)).sum().backward()
    return {
        "queries": queries, "keys": keys, "batch": batch, "heads": heads, "dim": dim, "causal": causal, "scale": scale,
        "size": size, "output": kept(output), "q": kept(q.grad), "k": kept(k.grad), "v": kept(v.grad),
    }


Path(sys.argv[1], "attention.json").write_text(json.dumps([case(*c) for c in CASES]) + "\n")
