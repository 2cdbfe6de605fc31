"""The training steps of `benches/step.rs` in PyTorch (plain modules, eager, f32): how long does each take on either side?

    python benches/peers/step.py [part of a case's name] ...

Needs only `pip install torch`. Asks `cargo bench --bench step -- --serve` for each of our numbers in turn, alternately with its own,
so that a machine that becomes slower does so for both. Prints a Markdown table of medians and their ratios.
"""

import os
import statistics
import sys
import time

import torch
from torch import nn

import quickstart_step
from bench import Ours

TURNS = int(os.environ.get("TURNS", "9"))
OPTIMIZER = dict(lr=1e-3, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc_1, self.fc_2, self.gelu = nn.Linear(width, 4 * width), nn.Linear(4 * width, width), nn.GELU()

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        context = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(context.transpose(1, 2).reshape(batch, length, width))
        return x + self.fc_2(self.gelu(self.fc_1(self.norm_2(x))))


class Vit(nn.Module):
    def __init__(self, side=64, patch=8, width=192, depth=6, heads=3):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(torch.randn(1, (side // patch) ** 2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x).mean(1)


class VitStep:
    BATCH = 64

    def __init__(self):
        self.model = Vit()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **OPTIMIZER)

    def once(self):
        images, against = torch.randn(self.BATCH, 3, 64, 64), torch.randn(self.BATCH, 192)
        clock = [time.perf_counter()]
        loss = (self.model(images) * against).mean()
        clock.append(time.perf_counter())
        self.optimizer.zero_grad()
        loss.backward()
        clock.append(time.perf_counter())
        self.optimizer.step()
        clock.append(time.perf_counter())
        return laps(clock)


class QuickstartStep:
    def __init__(self, views):
        self.model, self.views = quickstart_step.ClipRocket(views), views
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **OPTIMIZER)

    def once(self):
        of = quickstart_step
        images = [torch.randn(of.BATCH, 3, of.SIDE, of.SIDE) for _ in range(1 + self.views)]
        tokens = [torch.randint(0, of.VOCAB, (of.BATCH, of.CONTEXT)) for _ in range(1 + self.views)]
        clock = [time.perf_counter()]
        loss = self.model(images, tokens)
        clock.append(time.perf_counter())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        loss.item()
        clock.append(time.perf_counter())
        self.optimizer.step()
        clock.append(time.perf_counter())
        return laps(clock)


class AdamWStep:
    def __init__(self):
        self.model = nn.ParameterList(nn.Parameter(torch.randn(1024, 1024)) for _ in range(146))
        for parameter in self.model:
            parameter.grad = torch.randn(1024, 1024)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), **OPTIMIZER)

    def once(self):
        begun = time.perf_counter()
        self.optimizer.step()
        return [0.0, 0.0, 1e3 * (time.perf_counter() - begun)]


CASES = {"vit": VitStep, "quickstart-0": lambda: QuickstartStep(0), "quickstart-1": lambda: QuickstartStep(1), "adamw": AdamWStep}


def laps(clock):
    return [1e3 * (after - before) for before, after in zip(clock, clock[1:])]


def median(steps):
    return sorted(steps, key=sum)[len(steps) // 2]


def shown(step):
    return f"{sum(step):.0f} ({' / '.join(f'{part:.0f}' for part in step)})"


def main():
    torch.set_num_threads(os.cpu_count())
    ours = Ours("step")
    print(
        f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, f32, eager; medians of {TURNS} steps by turns, after two "
        "that do not count; in brackets forward / backward / update\n"
    )
    print("| step | parameters: ours, PyTorch | ours (ms) | PyTorch (ms) | ratio | ratios of single turns, smallest and largest |")
    print("|---|---|---|---|---|---|")
    for case in ours.ask("list"):
        if len(sys.argv) > 1 and not any(part in case for part in sys.argv[1:]):
            continue
        torch.manual_seed(0)
        theirs_step, parameters = CASES[case](), ours.ask("start", case)
        theirs_step.once(), theirs_step.once()
        mine, theirs = [], []
        for _ in range(TURNS):
            mine.append(ours.ask("once"))
            theirs.append(theirs_step.once())
        ratios = [sum(a) / sum(b) for a, b in zip(mine, theirs)]
        ratio = statistics.median(map(sum, mine)) / statistics.median(map(sum, theirs))
        counts = f"{parameters}, {sum(p.numel() for p in theirs_step.model.parameters())}"
        print(
            f"| {case} | {counts} | {shown(median(mine))} | {shown(median(theirs))} | {ratio:.2f} | "
            f"{min(ratios):.2f} to {max(ratios):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
