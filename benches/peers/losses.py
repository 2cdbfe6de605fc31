"""Every loss of `benches/losses.rs` in PyTorch: do both sides compute the same, and how long does each take?

    python benches/peers/losses.py [part of a loss's name] ...

Needs `pip install torch open_clip_torch lightly`. Asks `cargo bench --bench losses -- --serve` for each of our numbers in turn,
alternately with its own, so that a machine that becomes slower does so for both. The reference implementation is the
package's where open_clip or lightly has one ("by" in the table); else the loss is written here from the equation in our docs.
Prints a Markdown table; exits with 1 when a value or a gradient differs.
"""

import os
import sys

import lightly
import open_clip
import torch
import torch.nn.functional as F
from lightly.loss import (
    BarlowTwinsLoss, DCLLoss, DCLWLoss, DINOLoss, NegativeCosineSimilarity, NTXentLoss, SwaVLoss, VICRegLoss,
)
from lightly.loss.swav_loss import sinkhorn
from open_clip.loss import ClipLoss, CoCaLoss, DistillClipLoss, SigLipLoss

from bench import Ours, compared, difference

TURNS, SECONDS = 3, 0.4
# Matrices of all pairs take gigabytes each beyond this batch.
LARGEST = 16_384
PEERS = {}


def peer(by):
    """Registers a function that makes inputs and returns the loss of them as a function."""

    def register(build):
        PEERS[build.__name__] = (by, build)
        return build

    return register


def unit(x):
    return F.normalize(x, dim=-1)


def pair(inputs, batch, dim):
    return inputs.vectors(batch, dim), inputs.vectors(batch, dim)


@peer("open_clip")
def info_nce(inputs, batch, dim):
    loss, (a, b), scale = ClipLoss(), pair(inputs, batch, dim), inputs.scale()
    return lambda: loss(unit(a), unit(b), scale)


@peer("open_clip")
def sigmoid(inputs, batch, dim):
    loss, (a, b) = SigLipLoss(), pair(inputs, batch, dim)
    scale, bias = inputs.learning(torch.tensor([10.0]).log()), inputs.learning(torch.tensor([-10.0]))
    return lambda: loss(unit(a), unit(b), scale.exp(), bias)


PEERS["info_nce_whole"], PEERS["sigmoid_whole"] = PEERS["info_nce"], PEERS["sigmoid"]


def contrast(a, b, scale, smoothing=0.0):
    logits, labels = scale * unit(a) @ unit(b).T, torch.arange(len(a))
    cross = (F.cross_entropy(x, labels, label_smoothing=smoothing) for x in (logits, logits.T))
    return sum(cross) / 2


@peer("own")
def clip_rocket(inputs, batch, dim):
    weak, images, texts = (pair(inputs, batch, dim) for _ in range(3))
    scale, strong_scale = inputs.scale(), inputs.scale()

    def loss():
        strong = sum(contrast(a, b, strong_scale, 0.1) for a in images for b in texts) / 4
        return (contrast(*weak, scale) + 2 * strong) / 3

    return loss


@peer("own")
def cyclip(inputs, batch, dim):
    (image, text), scale = pair(inputs, batch, dim), inputs.scale()

    def loss():
        x, y = unit(image), unit(text)
        cosines = x @ y.T
        labels = torch.arange(batch)
        clip = (F.cross_entropy(scale * cosines, labels) + F.cross_entropy(scale * cosines.T, labels)) / 2
        within = (x @ x.T - y @ y.T).square().sum() / batch
        across = (cosines - cosines.T).square().sum() / batch
        return clip + 0.25 * within + 0.25 * across

    return loss


def leave_one_out(u, v, temperature):
    logits = u @ v.T / temperature
    positive = logits.diagonal()
    negatives = logits.masked_fill(torch.eye(len(u), dtype=torch.bool), float("-inf")).logsumexp(1)
    return temperature * (negatives - positive).mean()


@peer("own")
def info_loob(inputs, batch, dim):
    a, b = pair(inputs, batch, dim)
    return lambda: leave_one_out(unit(a), unit(b), 1 / 30) + leave_one_out(unit(b), unit(a), 1 / 30)


@peer("own")
def cloob(inputs, batch, dim):
    a, b = pair(inputs, batch, dim)

    def retrieve(queries, stored):
        return unit(torch.softmax(8 * queries @ stored.T, 1) @ stored)

    def loss():
        x, y = unit(a), unit(b)
        images = leave_one_out(retrieve(x, x), retrieve(y, x), 1 / 30)
        return images + leave_one_out(retrieve(y, y), retrieve(x, y), 1 / 30)

    return loss


@peer("open_clip")
def distillation(inputs, batch, dim):
    loss, (a, b), scale = DistillClipLoss(), pair(inputs, batch, dim), inputs.scale()
    teacher_a, teacher_b = inputs.constant(batch, dim), inputs.constant(batch, dim)
    teacher_scale = torch.tensor([1 / 0.07])
    return lambda: sum(loss(unit(a), unit(b), scale, unit(teacher_a), unit(teacher_b), teacher_scale))


@peer("own")
def moco_v3(inputs, batch, dim):
    q1, q2 = pair(inputs, batch, dim)
    k1, k2 = inputs.constant(batch, dim), inputs.constant(batch, dim)
    labels = torch.arange(batch)

    def direction(q, k):
        return 0.4 * F.cross_entropy(unit(q) @ unit(k).T / 0.2, labels)

    return lambda: direction(q1, k2) + direction(q2, k1)


@peer("lightly")
def nt_xent(inputs, batch, dim):
    loss, (a, b) = NTXentLoss(temperature=0.1), pair(inputs, batch, dim)
    return lambda: loss(a, b)


@peer("lightly")
def dcl(inputs, batch, dim):
    loss, (a, b) = DCLLoss(temperature=0.1), pair(inputs, batch, dim)
    return lambda: loss(a, b)


@peer("lightly")
def dclw(inputs, batch, dim):
    loss, (a, b) = DCLWLoss(temperature=0.1, sigma=0.5), pair(inputs, batch, dim)
    return lambda: loss(a, b)


@peer("lightly")
def negative_cosine(inputs, batch, dim):
    loss, predictions, targets = NegativeCosineSimilarity(), inputs.vectors(batch, dim), inputs.constant(batch, dim)
    return lambda: loss(predictions, targets)


@peer("own")
def siamlip(inputs, batch, dim):
    views = [
        (pair(inputs, batch, dim), (inputs.constant(batch, dim), inputs.constant(batch, dim))) for _ in range(3)
    ]

    def distance(prediction, target):
        return 2 - 2 * (unit(prediction) * unit(target)).sum(1).mean()

    def loss():
        pairs = [(views[0], views[0])] + [(a, b) for a in views[1:] for b in views[1:]]
        total = sum(
            distance(predicting[0][0], target[1][1]) + distance(predicting[0][1], target[1][0])
            for predicting, target in pairs
        )
        return total / (2 * len(pairs))

    return loss


@peer("lightly")
def barlow_twins(inputs, batch, dim):
    loss, (a, b) = BarlowTwinsLoss(), pair(inputs, batch, dim)
    return lambda: loss(a, b)


@peer("lightly")
def vicreg(inputs, batch, dim):
    loss, (a, b) = VICRegLoss(), pair(inputs, batch, dim)
    return lambda: loss(a, b)


@peer("own")
def barlip(inputs, batch, dim):
    pairs = [pair(inputs, batch, dim), pair(inputs, batch, dim)]
    identity = torch.eye(dim)
    weights = torch.full((dim, dim), 5e-3).fill_diagonal_(1.0)

    def distance(image, text):
        return ((image.T @ text / batch - identity).square() * weights).sum()

    return lambda: 0.025 * sum(distance(*views) for views in pairs) / 2


def soft_cross_entropy(target, logits):
    return -(target * F.log_softmax(logits, 1)).sum(1).mean()


def balanced(scores):
    return sinkhorn(scores.detach(), iterations=3, epsilon=0.05)


@peer("own + lightly's Sinkhorn")
def swalip(inputs, batch, dim):
    images, texts, scale = pair(inputs, batch, dim), pair(inputs, batch, dim), inputs.scale()

    def direction(queries, keys):
        scores = [[q @ k.T for k in keys] for q in queries]
        codes = [[balanced(s) for s in row] for row in scores]
        return sum(soft_cross_entropy(codes[1 - a][1 - b], scale * scores[a][b]) for a in (0, 1) for b in (0, 1))

    def loss():
        x, y = [unit(v) for v in images], [unit(v) for v in texts]
        return (direction(x, y) + direction(y, x)) / 8

    return loss


@peer("own + lightly's Sinkhorn")
def swalip_v1(inputs, batch, dim, prototypes):
    a, b = pair(inputs, batch, dim)
    weight, scale = inputs.vectors(prototypes, dim), inputs.scale()

    def loss():
        image, text = (unit(v) @ unit(weight).T for v in (a, b))
        crossed = soft_cross_entropy(balanced(text), scale * image) + soft_cross_entropy(balanced(image), scale * text)
        return crossed / 2

    return loss


@peer("lightly")
def swav(inputs, batch, prototypes, views):
    loss, scores = SwaVLoss(), [inputs.vectors(batch, prototypes) for _ in range(views)]
    return lambda: loss(scores[:2], scores[2:])


@peer("lightly")
def dino(inputs, batch, units, views):
    student = [inputs.vectors(batch, units) for _ in range(views)]
    teacher = [inputs.constant(batch, units) for _ in range(2)]
    # A centre that moves by nothing each time.
    loss = DINOLoss(output_dim=units, center_momentum=1.0)
    loss.center = inputs.constant(1, units).unsqueeze(0)
    return lambda: loss(teacher, student)


def agreement(a, b):
    log_p, log_q = F.log_softmax(a, 1), F.log_softmax(b, 1)
    p, q = log_p.exp(), log_q.exp()

    def crossed(u, log_v):
        return -(u * log_v).sum(1).mean()

    def entropy(mean):
        return -(mean * mean.log()).sum()

    align = (crossed(p, log_q) + crossed(q, log_p)) / 2
    sharp = (crossed(p, log_p) + crossed(q, log_q)) / 2
    return align + 0.5 * sharp - (entropy(p.mean(0)) + entropy(q.mean(0))) / 2


@peer("own")
def cluster(inputs, batch, units):
    a, b = inputs.vectors(batch, units), inputs.vectors(batch, units)
    return lambda: agreement(a, b)


@peer("open_clip + own")
def xclip(inputs, batch, dim, units):
    clip, (image, text) = ClipLoss(), pair(inputs, batch, dim)
    a, b, scale = inputs.vectors(batch, units), inputs.vectors(batch, units), inputs.scale()
    return lambda: clip(unit(image), unit(text), scale) + agreement(a, b)


@peer("own")
def filip(inputs, batch, image_tokens, text_tokens, dim):
    image, text = inputs.vectors(batch, image_tokens, dim), inputs.vectors(batch, text_tokens, dim)
    present, scale = inputs.tokens(batch, text_tokens, 2) > 0, inputs.scale()
    labels = torch.arange(batch)

    def loss():
        cosines = unit(image).flatten(0, 1) @ unit(text).flatten(0, 1).T
        cosines = cosines.view(batch, image_tokens, batch, text_tokens)
        of_images = cosines.masked_fill(~present, float("-inf")).amax(3).mean(1)
        of_texts = (cosines.amax(1) * present).sum(2) / present.sum(1)
        return (F.cross_entropy(scale * of_images, labels) + F.cross_entropy(scale * of_texts.T, labels)) / 2

    return loss


@peer("open_clip")
def captioning(inputs, batch, length, vocabulary):
    loss = CoCaLoss(caption_loss_weight=1, clip_loss_weight=0, pad_id=0)
    logits, tokens = inputs.vectors(batch, length, vocabulary), inputs.tokens(batch, length, vocabulary)
    return lambda: loss(None, None, logits[:, :-1], tokens[:, 1:], None)[1]


def cell(mine, theirs):
    return f"{mine:.3g}, {theirs:.3g} | {mine / theirs:.2f}" if theirs else f"{mine:.3g}, not run | "


def main():
    torch.set_num_threads(os.cpu_count())
    ours, differing = Ours("losses"), 0
    print(
        f"PyTorch {torch.__version__}, open_clip {open_clip.__version__}, lightly {lightly.__version__}; "
        f"{torch.get_num_threads()} threads; medians of {TURNS} turns of {SECONDS} s or 3 runs\n"
    )
    print("| loss | sizes | forward without gradients: ours, PyTorch (ms) | ratio | forward and backward: ours, PyTorch (ms) | ratio | pairs/s | by |")
    print("|---|---|---|---|---|---|---|---|")
    for loss in ours.ask("list"):
        name = loss["name"]
        if len(sys.argv) > 1 and not any(part in name for part in sys.argv[1:]):
            continue
        by, build = PEERS[name]
        if found := difference(ours, name, build, loss["check"]):
            differing += 1
            print(f"{name}: {found}", file=sys.stderr)
        for label, sizes in loss["sizes"]:
            of_peer = build if sizes["batch"] <= LARGEST else None
            forward, both = compared(ours, (name, label, sizes), of_peer, TURNS, SECONDS)
            rate = sizes["batch"] / both[0] * 1e3
            print(f"| {name} | {label} | {cell(*forward)} | {cell(*both)} | {rate:,.0f} | {by} |", flush=True)
    sys.exit(differing > 0)


main()
