"""What the scripts beside this one share: our benchmarks as a partner in conversation, and inputs that both sides make alike."""

import json
import os
import statistics
import subprocess
import time

import numpy as np
import torch

PASSES = ("forward", "forward_backward")


class Ours:
    """A benchmark of this library, waiting for questions; OURS names a binary built before."""

    def __init__(self, bench):
        command = [os.environ["OURS"]] if "OURS" in os.environ else ["cargo", "bench", "--quiet", "--bench", bench, "--"]
        self.process = subprocess.Popen([*command, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the benchmark ended at: {' '.join(map(str, words))}")
        return json.loads(answer)


def mixed(x):
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


class Inputs:
    """The inputs of benches/common/case.rs, from the same hashes in the same order."""

    def __init__(self):
        self.stream, self.learned = 0, []

    def constant(self, *shape):
        self.stream += 1
        offset = np.uint32(self.stream * 0x9E3779B9 % 2**32)
        hashed = mixed(np.arange(np.prod(shape), dtype=np.uint32) + offset) >> 8
        return torch.from_numpy(hashed.astype(np.float32) / np.float32(2**23) - np.float32(1)).reshape(shape)

    def learning(self, tensor):
        self.learned.append(tensor.requires_grad_())
        return tensor

    def vectors(self, *shape):
        return self.learning(self.constant(*shape))

    def scale(self):
        return self.learning(torch.tensor([1 / 0.07]))

    def tokens(self, rows, length, vocabulary):
        row, at = np.indices((rows, length))
        tokens = 1 + mixed((row * length + at).astype(np.uint32)).astype(np.int64) % (vocabulary - 1)
        return torch.from_numpy(np.where(at < length // 2 + row % (length // 2 + 1), tokens, 0))


def difference(ours, name, build, sizes):
    """Values, and gradients of their sum against constants, within what f32 sums in another order differ by; none when they agree."""
    inputs = Inputs()
    values = build(inputs, **sizes)().flatten()
    values.backward(inputs.constant(len(values)) if len(values) > 1 else torch.ones(1))
    answer = ours.ask("check", name)
    pairs = [("value", answer["values"], values.detach().numpy())]
    for number, (mine, theirs) in enumerate(zip(answer["gradients"], inputs.learned, strict=True)):
        pairs.append((f"gradient {number}", mine, theirs.grad.flatten().numpy()))
    for what, mine, theirs in pairs:
        mine, theirs = np.asarray(mine), np.asarray(theirs)
        largest = np.abs(theirs).max()
        worst = np.abs(mine - theirs).max() / largest
        if not worst < 2e-5:
            return f"{what} differs by {worst:.1e} of its largest element, {largest:.3g}"
    return None


def times(run, learned, backward, seconds):
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
    while len(found) < 3 or time.perf_counter() - begun < seconds:
        found.append(once() * 1e3)
    return found


def compared(ours, case, build, turns, seconds):
    """Median milliseconds of both sides for each pass, measured by turns; ours once, and none, where `build` is none."""
    name, label, sizes = case
    inputs = Inputs()
    run = build and build(inputs, **sizes)
    for step in PASSES:
        mine, theirs = [], []
        for _ in range(turns if build else 1):
            mine += ours.ask("time", name, label, step, seconds)
            theirs += times(run, inputs.learned, step == "forward_backward", seconds) if build else []
        yield statistics.median(mine), statistics.median(theirs) if theirs else None
