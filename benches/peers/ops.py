"""Every operation of `benches/ops` in PyTorch: do both sides compute the same, and how long does each take?

    python benches/peers/ops.py [part of an operation's name] ...

Needs `pip install torch numpy`. Asks `cargo bench --bench ops -- --serve` for each of our numbers in turn, alternately with its
own, so that a machine that becomes slower does so for both. Prints a Markdown table; exits with 1 when a value or a gradient
differs.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

ROUNDS, SECONDS = 5, 0.4
PASSES = ("forward", "forward_backward")
PEERS = {}


def mixed(x):
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


class Inputs:
    """The inputs of benches/common/mod.rs, from the same hashes in the same order."""

    def __init__(self):
        self.stream, self.learned = 0, []

    def constant(self, *shape):
        self.stream += 1
        offset = np.uint32(self.stream * 0x9E3779B9 % 2**32)
        hashed = mixed(np.arange(np.prod(shape), dtype=np.uint32) + offset) >> 8
        return torch.from_numpy(hashed.astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)

    def vectors(self, *shape):
        self.learned.append(self.constant(*shape).requires_grad_())
        return self.learned[-1]


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
    table, ids = inputs.vectors(vocabulary, width), tokens(batch, length, vocabulary)
    return lambda: F.embedding(ids, table)


def tokens(rows, length, vocabulary):
    """Inputs::tokens of benches/common/mod.rs."""
    row, at = np.divmod(np.arange(rows * length, dtype=np.uint32), np.uint32(length))
    ids = 1 + mixed(np.arange(rows * length, dtype=np.uint32)) % np.uint32(vocabulary - 1)
    ids = np.where(at < length // 2 + row % (length // 2 + 1), ids, 0)
    return torch.from_numpy(ids.astype(np.int64)).reshape(rows, length)


class Ours:
    """The benchmark of this library, waiting for questions."""

    def __init__(self):
        command = ["cargo", "bench", "--quiet", "--bench", "ops", "--", "--serve"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the benchmark ended at: {' '.join(map(str, words))}")
        return json.loads(answer)


def check(ours, name, sizes):
    """Values, and gradients of their sum against constants, within what f32 sums in another order differ by."""
    inputs = Inputs()
    values = PEERS[name](inputs, **sizes)().flatten()
    values.backward(inputs.constant(len(values)))
    answer = ours.ask("check", name)
    pairs = [("output", answer["values"], values.detach().numpy())]
    for number, (mine, theirs) in enumerate(zip(answer["gradients"], inputs.learned, strict=True)):
        pairs.append((f"gradient {number}", mine, theirs.grad.flatten().numpy()))
    for what, mine, theirs in pairs:
        mine = np.asarray(mine)
        largest = np.abs(theirs).max()
        worst = np.abs(mine - theirs).max() / largest
        if not worst < 2e-5:
            return f"{what} differs by {worst:.1e} of its largest element, {largest:.3g}"
    return None


def times(run, learned, backward):
    """As the benchmark's own: one run that does not count, at least three, then as many as fit. Backward begins with ones."""

    def once():
        for tensor in learned:
            tensor.grad = None
        begun = time.perf_counter()
        with torch.set_grad_enabled(backward):
            values = run()
        if backward:
            values.backward(torch.ones_like(values))
        return time.perf_counter() - begun

    once()
    begun, found = time.perf_counter(), []
    while len(found) < 3 or time.perf_counter() - begun < SECONDS:
        found.append(once() * 1e3)
    return found


def compared(ours, name, label, sizes):
    """Median milliseconds of both sides for each pass, measured by turns."""
    inputs = Inputs()
    run = PEERS[name](inputs, **sizes)
    for step in PASSES:
        mine, theirs = [], []
        for _ in range(ROUNDS):
            mine += ours.ask("time", name, label, step, SECONDS)
            theirs += times(run, inputs.learned, step == "forward_backward")
        yield statistics.median(mine), statistics.median(theirs)


def main():
    torch.set_num_threads(os.cpu_count())
    ours, differing = Ours(), 0
    print(f"PyTorch {torch.__version__}; {torch.get_num_threads()} threads; medians of {ROUNDS} turns of {SECONDS} s or 3 runs\n")
    print("| operation | sizes | forward without gradients: ours, PyTorch (ms) | ratio | forward and backward: ours, PyTorch (ms) | ratio |")
    print("|---|---|---|---|---|---|")
    for case in ours.ask("list"):
        name = case["name"]
        if len(sys.argv) > 1 and not any(part in name for part in sys.argv[1:]):
            continue
        difference = check(ours, name, case["check"])
        if difference:
            differing += 1
            print(f"{name}: {difference}", file=sys.stderr)
        for label, sizes in case["sizes"]:
            cells = [f"{mine:.3g}, {theirs:.3g} | {mine / theirs:.2f}" for mine, theirs in compared(ours, name, label, sizes)]
            print(f"| {name} | {label} | {' | '.join(cells)} |", flush=True)
    sys.exit(differing > 0)


main()
