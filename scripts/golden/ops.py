"""Numbers of PyTorch for the operations of vlp-ops: values and gradients in f64, written to crates/vlp-ops/tests/golden/ops.json.

    python scripts/golden/ops.py

Inputs are waves that the test makes again. Needs `pip install torch`.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(*shape, phase=0.0, scale=1.0):
    count = math.prod(shape)
    values = [scale * math.sin(0.71 * (i + 1) + phase) for i in range(count)]
    # As f32, which the test has.
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape).requires_grad_()


def case(output, learned, gradient):
    output.backward(gradient.detach().reshape(output.shape))
    return {"output": output.flatten().tolist(), "gradients": [x.grad.flatten().tolist() for x in learned]}


def adamw():
    p = wave(3, 5)
    optimizer = torch.optim.AdamW([p], lr=1e-2, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.1)
    steps = []
    for t in range(10):
        p.grad = wave(3, 5, phase=1.0 + t, scale=1.0 + 0.5 * t).detach()
        optimizer.step()
        steps.append(p.detach().flatten().tolist())
    return steps


def main():
    golden = {"torch": torch.__version__, "adamw": adamw()}
    x, gamma, beta = wave(2, 3, 70, scale=2.0), wave(70, phase=0.5), wave(70, phase=0.9)
    golden["layer_norm"] = case(F.layer_norm(x, (70,), gamma, beta, 1e-5), [x, gamma, beta], wave(2, 3, 70, phase=0.2))
    for name, function in [
        ("gelu", F.gelu),
        ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
        ("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x)),
    ]:
        x = wave(9, 11, scale=6.0)
        golden[name] = case(function(x), [x], wave(9, 11, phase=0.2))
    x, weight, bias = wave(2, 5, 7), wave(7, 6, phase=0.5), wave(6, phase=0.9)
    golden["linear"] = case(x @ weight + bias, [x, weight, bias], wave(2, 5, 6, phase=0.2))
    table = wave(9, 6)
    ids = torch.tensor([[3, 0, 3, 8], [3, 1, 7, 0]])
    golden["embedding"] = case(F.embedding(ids, table), [table], wave(2, 4, 6, phase=0.2))
    x = wave(4, 70, scale=0.3)
    golden["l2_normalize"] = case(F.normalize(x, dim=1), [x], wave(4, 70, phase=0.2))
    for name, smoothing in [("cross_entropy", 0.0), ("cross_entropy_smoothed", 0.1)]:
        x = wave(4, 70, scale=5.0)
        losses = F.cross_entropy(x, torch.tensor([0, 69, 13, 13]), reduction="none", label_smoothing=smoothing)
        golden[name] = case(losses, [x], wave(4, phase=0.2))
    path = Path(__file__).parents[2] / "crates/vlp-ops/tests/golden/ops.json"
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
