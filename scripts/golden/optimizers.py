"""Makes crates/vlp-trainer/tests/golden/optimizers.json: ten steps of SGD, LARS, LAMB and Lion by their references.

Needs torch 2.15.0, timm 1.0.31, lightly 1.6.0 and lion-pytorch 0.2.5; lightly's module is loaded by its path, because the
package itself asks for PyTorch Lightning.

    python scripts/golden/optimizers.py crates/vlp-trainer/tests/golden/optimizers.json

Parameters are a vector of 7, which neither decays nor is adapted where a case has `groups`, and a matrix of 3 x 4. Start and
gradients are functions of the index in f32, everything else is f64. The rate falls from step to step, so that a rate inside
a velocity shows; `decays` changes the weight decay from step to step.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy
import timm.optim
import torch
from lion_pytorch import Lion

STEPS = 10
SIZES = (7, 12)


def lars():
    path = Path(importlib.util.find_spec("lightly").submodule_search_locations[0]) / "utils/lars.py"
    spec = importlib.util.spec_from_file_location("lars", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LARS


def wave(size, value):
    numbers = [value(0.71 * (j + 1)) for j in range(size)]
    return torch.tensor(numpy.array(numbers, dtype=numpy.float32).astype(numpy.float64))


def gradient(size, index, step, silent):
    if step in silent:
        return torch.zeros(size, dtype=torch.float64)
    return wave(size, lambda x: (1 + 0.5 * step) * numpy.cos(x * (step + 1) + 0.2 * index))


def run(name, build, options, groups=False, decays=None, silent=(), zeros=False):
    """`silent`: steps without gradient; `zeros`: the matrix starts at zero."""
    start = [wave(size, lambda x, i=i: numpy.sin(x + 0.3 * i)) for i, size in enumerate(SIZES)]
    params = [p.requires_grad_() for p in start]
    if zeros:
        params[1] = torch.zeros(12, dtype=torch.float64, requires_grad=True)
    kept = {key: value for key, value in options.items() if key != "lr"}
    described = [{"params": params[:1], **({"weight_decay": 0.0} if groups else {})}, {"params": params[1:]}]
    optimizer = build(described, lr=options["lr"], **kept)
    values = []
    for step in range(STEPS):
        for index, param in enumerate(params):
            param.grad = gradient(len(param), index, step, silent)
        for index, group in enumerate(optimizer.param_groups):
            group["lr"] = options["lr"] * (1 - 0.06 * step)
            if decays and not (groups and index == 0):
                group["weight_decay"] = decays[step]
        optimizer.step()
        values.append([[float(f"{x:.9g}") for x in param.tolist()] for param in params])
    case = {"name": name, "options": options, "groups": groups, "silent": list(silent), "zeros": zeros, "values": values}
    return {**case, "decays": decays} if decays else case


def sgd(described, **options):
    return torch.optim.SGD(described, **options)


def lamb(described, betas, **options):
    # Clipping is the trainer's.
    return timm.optim.Lamb(described, betas=betas, max_grad_norm=None, **options)


LARS = lars()
RISING = [0.01 * (step + 1) for step in range(STEPS)]
STARTING = [0.0, 0.0] + [0.02 * step for step in range(STEPS - 2)]

cases = [
    run("sgd", sgd, {"lr": 0.05, "momentum": 0.0, "weight_decay": 0.0}),
    run("sgd", sgd, {"lr": 0.05, "momentum": 0.0, "weight_decay": 0.1}),
    run("sgd", sgd, {"lr": 0.02, "momentum": 0.9, "weight_decay": 1e-4}),
    run("sgd", sgd, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True}),
    run("sgd", sgd, {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1, "dampening": 0.3}),
    run("sgd", sgd, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}, groups=True),
    run("sgd", sgd, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.01}, groups=True, decays=RISING),
    run("lars", LARS, {"lr": 3.0, "momentum": 0.9, "weight_decay": 1e-6, "trust_coefficient": 0.01}),
    run("lars", LARS, {"lr": 3.0, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.01, "eps": 0.1}, groups=True),
    run("lars", LARS, {"lr": 3.0, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.01, "nesterov": True}),
    run("lars", LARS, {"lr": 3.0, "momentum": 0.8, "weight_decay": 0.1, "trust_coefficient": 0.01, "dampening": 0.3}),
    run("lars", LARS, {"lr": 3.0, "momentum": 0.0, "weight_decay": 0.1, "trust_coefficient": 0.01}),
    run("lars", LARS, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.0}),
    run("lars", LARS, {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.02}, silent=(0, 4)),
    run("lars", LARS, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.02}, zeros=True),
    run("lars", LARS, {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.0}, groups=True, decays=STARTING),
    run("lamb", lamb, {"lr": 0.02, "betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.01}),
    run("lamb", lamb, {"lr": 0.02, "betas": [0.9, 0.98], "eps": 1e-4, "weight_decay": 0.1}, groups=True),
    run("lamb", lamb, {"lr": 0.02, "betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.0}),
    run("lamb", lamb, {"lr": 0.02, "betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.1}, zeros=True),
    run("lamb", lamb, {"lr": 0.02, "betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.1}, groups=True, decays=STARTING),
    run("lion", Lion, {"lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.0}),
    run("lion", Lion, {"lr": 0.01, "betas": [0.95, 0.98], "weight_decay": 1.0}, groups=True),
    run("lion", Lion, {"lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.1}, groups=True, decays=RISING),
]

source = f"torch {torch.__version__}, timm {timm.__version__}, lightly 1.6.0, lion-pytorch 0.2.5; float64, 9 digits"
text = json.dumps({"source": source, "cases": cases}, separators=(",", ":")).replace('{"name"', '\n{"name"')
Path(sys.argv[1]).write_text(text + "\n")
for case in cases:
    print(case["name"], case["options"], case["values"][-1][1][:3])
