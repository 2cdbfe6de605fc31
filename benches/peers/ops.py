"""Every operation of `benches/ops` in PyTorch: do both sides compute the same, and how long does each take?

    python benches/peers/ops.py [part of an operation's name] ...

Needs `pip install torch numpy`. Asks `cargo bench --bench ops -- --serve` for each of our numbers in turn, alternately with its
own, so that a machine that becomes slower does so for both. Prints a Markdown table; exits with 1 when a value or a gradient
differs.
"""

import os
import sys

import torch
import torch.nn.functional as F

from bench import Ours, compared, difference

TURNS, SECONDS = 5, 0.4
PEERS = {}


def peer(build):
    """Registers a function that makes inputs and returns the operation on them as a function."""
    PEERS[build.__name__] = build
    return build


def of_fused(inputs, batch, tokens, heads, dim, causal):
    qkv = inputs.vectors(batch, tokens, 3 * heads * dim)

    def run():
        q, k, v = qkv.view(batch, tokens, 3, heads, dim).permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return context.transpose(1, 2).reshape(batch, tokens, heads * dim)

    return run


@peer
def attention(inputs, **sizes):
    return of_fused(inputs, **sizes, causal=False)


@peer
def attention_causal(inputs, **sizes):
    return of_fused(inputs, **sizes, causal=True)


@peer
def layer_norm(inputs, batch, width):
    x, gamma, beta = inputs.vectors(batch, width), inputs.vectors(width), inputs.vectors(width)
    return lambda: F.layer_norm(x, (width,), gamma, beta, 1e-5)


@peer
def l2_normalize(inputs, batch, dim):
    x = inputs.vectors(batch, dim)
    return lambda: F.normalize(x, dim=1)


@peer
def cross_entropy(inputs, batch, classes, smoothing=0.0):
    x, targets = inputs.vectors(batch, classes), torch.arange(batch) % classes
    return lambda: F.cross_entropy(x, targets, reduction="none", label_smoothing=smoothing)


@peer
def cross_entropy_smoothed(inputs, **sizes):
    return cross_entropy(inputs, **sizes, smoothing=0.1)


@peer
def gelu(inputs, batch, width):
    x = inputs.vectors(batch, width)
    return lambda: F.gelu(x)


@peer
def gelu_tanh(inputs, batch, width):
    x = inputs.vectors(batch, width)
    return lambda: F.gelu(x, approximate="tanh")


@peer
def quick_gelu(inputs, batch, width):
    x = inputs.vectors(batch, width)
    return lambda: x * torch.sigmoid(1.702 * x)


@peer
def linear(given, batch, inputs, outputs):
    x, weight, bias = given.vectors(batch, inputs), given.vectors(inputs, outputs), given.vectors(outputs)
    return lambda: torch.addmm(bias, x, weight)


@peer
def embedding(inputs, batch, length, vocabulary, width):
    table, ids = inputs.vectors(vocabulary, width), inputs.tokens(batch, length, vocabulary)
    return lambda: F.embedding(ids, table)


def main():
    torch.set_num_threads(os.cpu_count())
    ours, differing = Ours("ops"), 0
    print(f"PyTorch {torch.__version__}; {torch.get_num_threads()} threads; medians of {TURNS} turns of {SECONDS} s or 3 runs\n")
    print("| operation | sizes | forward without gradients: ours, PyTorch (ms) | ratio | forward and backward: ours, PyTorch (ms) | ratio |")
    print("|---|---|---|---|---|---|")
    for case in ours.ask("list"):
        name = case["name"]
        if len(sys.argv) > 1 and not any(part in name for part in sys.argv[1:]):
            continue
        if found := difference(ours, name, PEERS[name], case["check"]):
            differing += 1
            print(f"{name}: {found}", file=sys.stderr)
        for label, sizes in case["sizes"]:
            both = compared(ours, (name, label, sizes), PEERS[name], TURNS, SECONDS)
            cells = [f"{mine:.3g}, {theirs:.3g} | {mine / theirs:.2f}" for mine, theirs in both]
            print(f"| {name} | {label} | {' | '.join(cells)} |", flush=True)
    sys.exit(differing > 0)


main()
