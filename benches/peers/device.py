"""The training steps of `examples/device_check` in PyTorch on the same GPU: open_clip's models where it is installed, else the same
architectures in plain modules; eager and compiled, in f32 with TF32 and under bf16 autocast, with scaled dot-product attention.

    python benches/peers/device.py [--quick] [device-check.json ...]

Needs `pip install torch`, better also open_clip_torch (RN50 runs only with it). Random data; forward, InfoNCE, backward, clipping, AdamW.
Prints a Markdown table, and for each JSON file of ours the ratio of our time to each of PyTorch's (above 1: we are slower).
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

try:
    import open_clip
except ImportError:
    open_clip = None

# Our name, open_clip's, patch, strong views.
MODELS = [
    ("CLIP ViT-B/32", "ViT-B-32", 32, 0),
    ("CLIP ViT-B/16", "ViT-B-16", 16, 0),
    ("CLIP RN50", "RN50", None, 0),
    ("CLIP-rocket ViT-B/32", "ViT-B-32", 32, 1),
]
MODES = [("eager", "f32"), ("eager", "bf16"), ("compiled", "f32"), ("compiled", "bf16")]


class Block(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc_1, self.fc_2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.fc_2(F.gelu(self.fc_1(self.norm_2(x))))


class PlainClip(nn.Module):
    """A ViT and a causal text tower of the sizes of ViT-B."""

    def __init__(self, patch, width=768, depth=12, side=224, dim=512):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.cls = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positions = nn.Parameter(torch.randn((side // patch) ** 2 + 1, width) * width**-0.5)
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.image = nn.Sequential(*(Block(width, width // 64, False) for _ in range(depth)))
        self.image_head = nn.Linear(width, dim, bias=False)
        self.tokens = nn.Embedding(49408, 512)
        self.text_positions = nn.Parameter(torch.randn(77, 512) * 0.01)
        self.text = nn.Sequential(*(Block(512, 8, True) for _ in range(depth)))
        self.text_norm, self.text_head = nn.LayerNorm(512), nn.Linear(512, dim, bias=False)

    def encode_image(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), 1, -1).to(x.dtype), x], 1) + self.positions
        return self.image_head(self.after(self.image(self.before(x))[:, 0]))

    def encode_text(self, tokens):
        x = self.text_norm(self.text(self.tokens(tokens) + self.text_positions))
        return self.text_head(x[torch.arange(len(x), device=x.device), tokens.argmax(1)])


class Contrast(nn.Module):
    """A model with its loss: one contrast for each view."""

    def __init__(self, model):
        super().__init__()
        self.model, self.scale = model, nn.Parameter(torch.tensor(2.659))

    def forward(self, views):
        total = 0.0
        for images, tokens in views:
            a, b = self.model.encode_image(images), self.model.encode_text(tokens)
            a, b = F.normalize(a.float(), dim=1), F.normalize(b.float(), dim=1)
            logits, targets = self.scale.exp() * a @ b.T, torch.arange(len(a), device=a.device)
            total = total + (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2
        return total / len(views)


def build(name, patch):
    if open_clip:
        return open_clip.create_model(name)
    return PlainClip(patch) if patch else None


def seconds(name, patch, strong, batch, mode, precision, device):
    """Median of five steps after four that do not count, and the most memory taken, in GiB."""
    model = Contrast(build(name, patch)).to(device).train()
    step = torch.compile(model) if mode == "compiled" else model
    decayed = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.2}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.98), eps=1e-6, fused=device == "cuda")
    views = [
        (torch.randn(batch, 3, 224, 224, device=device), torch.randint(0, 49408, (batch, 77), device=device))
        for _ in range(1 + strong)
    ]
    sync = torch.cuda.synchronize if device == "cuda" else lambda: None
    times = []
    for _ in range(9):
        sync()
        begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            loss = step(views)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        sync()
        times.append(time.perf_counter() - begun)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else float("nan")
    return statistics.median(times[4:]), memory


def cell(name, patch, strong, batch, mode, precision, device):
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch.compiler.reset()
    try:
        return seconds(name, patch, strong, batch, mode, precision, device)
    except torch.OutOfMemoryError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one model, batch 2, eager: to see that the script works")
    parser.add_argument("reports", nargs="*", help="device-check.json of ours, for ratios")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not args.quick:
        parser.error("PyTorch sees no GPU; --quick runs one small batch without")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    ours = []
    for path in args.reports:
        with open(path) as file:
            report = json.load(file)
        ours.append((report["device"], {(s["model"], s["precision"], s["batch"]): s["samples"].get("Ok") for s in report["steps"]}))
    source = f"open_clip {open_clip.__version__}" if open_clip else "plain modules"
    where = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__}, {source}, {where}; f32 with TF32\n")
    print("| model | batch | mode | precision | samples/s | GiB |" + "".join(f" time of {name} / this |" for name, _ in ours))
    print("|---|---|---|---|---|---|" + "---|" * len(ours))
    for ours_name, name, patch, strong in MODELS[:1] if args.quick else MODELS:
        if not open_clip and not patch:
            continue
        batches = {2} if args.quick else {1024} | {batch for _, steps in ours for (model, _, batch), rate in steps.items() if model == ours_name and rate}
        for batch in sorted(batches):
            for mode, precision in MODES[:1] if args.quick else MODES:
                measured = cell(name, patch, strong, batch, mode, precision, device)
                row = f"| {ours_name} | {batch} | {mode} | {precision} |"
                if measured is None:
                    print(row + " out of memory | - |" + " - |" * len(ours), flush=True)
                    continue
                rate = batch / measured[0]
                ratios = (steps.get((ours_name, precision, batch)) for _, steps in ours)
                shown = "".join(f" {rate / mine:.2f} |" if mine else " - |" for mine in ratios)
                print(f"{row} {rate:.1f} | {measured[1]:.1f} |{shown}", flush=True)


if __name__ == "__main__":
    main()
