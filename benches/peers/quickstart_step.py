"""One training step of the quickstart's model in PyTorch on random data: the counterpart of benches/step.rs.

    python benches/peers/quickstart_step.py [strong views] [steps]

Needs only torch. Same sizes, same objective, same optimizer; attention through scaled_dot_product_attention.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH, SIDE, CONTEXT, VOCAB, EMBED = 256, 32, 24, 3200, 256


class Block(nn.Module):
    def __init__(self, width, heads, eps):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc_1, self.fc_2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, causal):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + self.out(context.transpose(1, 2).reshape(batch, length, width))
        return x + self.fc_2(F.relu(self.fc_1(self.norm_2(x))))


class Image(nn.Module):
    def __init__(self, channels=(32, 64, 128), width=160, depth=4, heads=5):
        super().__init__()
        layers, last = [], 3
        for channel in channels:
            layers += [nn.Conv2d(last, channel, 3, 2, 1, bias=False), nn.BatchNorm2d(channel), nn.ReLU()]
            last = channel
        self.stem = nn.Sequential(*layers)
        self.projection = nn.Linear(last, width)
        self.positions = nn.Parameter(torch.randn(1, (SIDE >> len(channels)) ** 2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, 1e-6) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images):
        x = self.projection(self.stem(images).flatten(2).transpose(1, 2)) + self.positions
        for block in self.blocks:
            x = block(x, False)
        return self.norm(x).mean(1)


class Text(nn.Module):
    def __init__(self, width=128, depth=2, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, width)
        self.positions = nn.Parameter(torch.randn(CONTEXT, width) * 0.01)
        self.blocks = nn.ModuleList(Block(width, heads, 1e-5) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions
        for block in self.blocks:
            x = block(x, True)
        return self.norm(x[torch.arange(len(x)), tokens.argmax(1)])


def mlp(width, hidden):
    return nn.Sequential(
        nn.Linear(width, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, EMBED),
    )


class ClipRocket(nn.Module):
    def __init__(self, views):
        super().__init__()
        self.image, self.text, self.views = Image(), Text(), views
        self.image_head, self.text_head = nn.Linear(160, EMBED, bias=False), nn.Linear(128, EMBED, bias=False)
        if views:
            self.strong_image, self.strong_text = mlp(160, 512), mlp(128, 512)
            self.strong_scale = nn.Parameter(torch.tensor(10.0).log())
        self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, images, tokens):
        def pair(a, b, scale, smoothing):
            logits = scale.exp() * F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
            labels = torch.arange(len(a))
            return (F.cross_entropy(logits, labels, label_smoothing=smoothing)
                    + F.cross_entropy(logits.T, labels, label_smoothing=smoothing)) / 2

        weak = pair(self.image_head(self.image(images[0])), self.text_head(self.text(tokens[0])), self.scale, 0.0)
        if not self.views:
            return weak
        h_images = [self.strong_image(self.image(view)) for view in images[1:]]
        h_texts = [self.strong_text(self.text(view)) for view in tokens[1:]]
        strong = sum(pair(a, b, self.strong_scale, 0.1) for a in h_images for b in h_texts) / self.views**2
        return (weak + self.views * strong) / (1 + self.views)


def main():
    views = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    torch.manual_seed(0)
    model = ClipRocket(views)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.1)
    times = []
    for _ in range(steps + 3):
        images = [torch.randn(BATCH, 3, SIDE, SIDE) for _ in range(1 + views)]
        tokens = [torch.randint(0, VOCAB, (BATCH, CONTEXT)) for _ in range(1 + views)]
        begun = time.perf_counter()
        loss = model(images, tokens)
        encoded = time.perf_counter()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        loss.item()
        graded = time.perf_counter()
        optimizer.step()
        done = time.perf_counter()
        times.append((done - begun, encoded - begun, graded - encoded, done - graded))
    total, forward, backward, update = (1e3 * part for part in sorted(times[3:])[steps // 2])
    print(
        f"PyTorch {torch.__version__}: {sum(p.numel() for p in model.parameters())} parameters, batch {BATCH}, "
        f"1 + {views} views: median step {total:.0f} ms (forward {forward:.0f}, backward {backward:.0f}, "
        f"update {update:.0f}), {BATCH / total * 1e3:.0f} pairs/s"
    )


if __name__ == "__main__":
    main()
