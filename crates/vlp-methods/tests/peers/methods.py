"""One training step of every method in PyTorch, written from the equations alone: writes ../golden/methods.json.

    python crates/vlp-methods/tests/peers/methods.py

Encoders are toys: a linear layer on all pixels, the mean of word vectors. Weights, pictures and texts are functions of
their names, so the file holds only results: the loss, the gradient of every parameter, and after an SGD step what an update
changes besides (running statistics, teachers, clamped scales).
"""

import json
import math
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
BATCH, PIXELS, WORDS, LENGTH = 6, 12, 7, 3
IMAGE_WIDTH, TEXT_WIDTH, DIM, HIDDEN = 5, 4, 3, 6
RATE = 0.1


def uniform(name, count):
    """Numbers in -1..1 from a linear congruential generator that the name seeds."""
    state = 2166136261
    for byte in name.encode():
        state = (state ^ byte) * 16777619 % 2**32
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        yield 2.0 * state / 2**32 - 1.0


def weights(path, shape):
    leaf = path.rsplit(".", 1)[-1]
    if leaf == "log_scale":
        scale, offset = 0.0, 0.7 if "strong" in path else -0.1
    elif leaf in ("gamma", "running_var"):
        scale, offset = 0.3, 1.0
    elif len(shape) == 1:
        scale, offset = 0.2, 0.0
    else:
        scale, offset = 0.8, 0.0
    values = [x * scale + offset for x in uniform(path, math.prod(shape))]
    return torch.tensor(numpy.array(values, dtype=numpy.float32).astype(numpy.float64)).reshape(shape)


class Model:
    """Parameters by path, made when they are first asked for."""

    def __init__(self):
        self.learned, self.fixed, self.buffers, self.views = {}, {}, {}, 0

    def __call__(self, path, *shape):
        store = self.fixed if ".teacher." in path else self.learned
        if path not in store:
            store[path] = weights(path, shape).requires_grad_(store is self.learned)
        return store[path]

    def buffer(self, path, size):
        if path not in self.buffers:
            self.buffers[path] = weights(path, (size,))
        return self.buffers[path]

    def linear(self, x, path, width, bias=True):
        y = x @ self(f"{path}.weight", x.shape[1], width)
        return y + self(f"{path}.bias", width) if bias else y

    def norm(self, x, path, affine=True):
        width = x.shape[1]
        gamma, beta = (self(f"{path}.{name}", width) for name in ("gamma", "beta")) if affine else (None, None)
        mean, var = (self.buffer(f"{path}.running_{name}", width) for name in ("mean", "var"))
        return F.batch_norm(x, mean, var, gamma, beta, training=True, momentum=0.1, eps=1e-5)

    def mlp(self, x, path, widths, bias=True, last_bias=True, last=None, act=F.relu):
        for number, width in enumerate(widths):
            final = number == len(widths) - 1
            x = self.linear(x, f"{path}.layers.{number}", width, last_bias if final else bias)
            if not final:
                x = act(self.norm(x, f"{path}.norms.{number}"))
            elif last:
                x = self.norm(x, f"{path}.norms.{number}", last == "affine")
        return x

    def image(self, path, view):
        return self.linear(view[0].flatten(1), f"{path}image.linear", IMAGE_WIDTH)

    def text(self, path, view):
        return self(f"{path}text.table.weight", WORDS, TEXT_WIDTH)[view[1]].mean(1)

    def encode(self, path, batch):
        """Image and text vectors of all views, the weak one first."""
        return [[self.image(path, view), self.text(path, view)] for view in batch]

    def scale(self, path):
        return self(f"{path}.log_scale", 1).exp()


def batch(views, local):
    def view(name):
        pixels = torch.tensor(numpy.array(list(uniform(f"{name}.images", BATCH * PIXELS)), dtype=numpy.float32))
        words = [int((x + 1) / 2 * WORDS) for x in uniform(f"{name}.tokens", BATCH * LENGTH)]
        return pixels.double().reshape(BATCH, 3, 2, 2), torch.tensor(words).reshape(BATCH, LENGTH)

    names = ["weak", *(f"strong.{number}" for number in range(views)), *(f"local.{number}" for number in range(local))]
    return [view(name) for name in names]


def unit(x):
    return F.normalize(x, dim=1, eps=1e-12)


def contrast(a, b, scale, smoothing=0.0):
    logits, labels = scale * unit(a) @ unit(b).T, torch.arange(len(a))
    both = [F.cross_entropy(x, labels, label_smoothing=smoothing) for x in (logits, logits.T)]
    return sum(both) / 2


def pairs(views):
    return [(image, text) for image, _ in views for _, text in views]


# CLIP-rocket and what is built on it


def clip(m, path, views):
    image, text = views[0]
    image = m.linear(image, f"{path}image_head.Linear", DIM, bias=False)
    text = m.linear(text, f"{path}text_head.Linear", DIM, bias=False)
    return contrast(image, text, m.scale(f"{path}scale"))


def strong_heads(m, path, views):
    heads = {"Mlp": lambda x, at: m.mlp(x, f"{at}.Mlp", [HIDDEN, HIDDEN, DIM])}
    images = [heads["Mlp"](image, f"{path}strong.image") for image, _ in views]
    texts = [heads["Mlp"](text, f"{path}strong.text") for _, text in views]
    return list(zip(images, texts))


def rocket(m, path, views, smoothing=0.1, doubled=False):
    weak, count = clip(m, path, views[:1]), len(views) - 1
    strong = strong_heads(m, path, views[1:])
    scale = m.scale(f"{path}strong.scale")
    local = sum(contrast(image, text, scale, smoothing) for image, text in pairs(strong)) / count**2
    loss = (weak + count * local) / (1 + count)
    return (2 * loss if doubled else loss), strong, scale


def siamlip_projections(m, path, views, separate):
    def project(x, modality, number):
        kind = "strong" if number else "weak"
        at = f"{path}{kind if separate else 'weak'}.{modality}"
        y = m.mlp(x, f"{at}.shared", [HIDDEN, 4], bias=False, last_bias=False)
        return m.norm(y, f"{at}.{kind}_norm", affine=False)

    images = [project(image, "image", number) for number, (image, _) in enumerate(views)]
    texts = [project(text, "text", number) for number, (_, text) in enumerate(views)]
    return list(zip(images, texts))


def siamlip(m, path, views, separate=False, targets=None):
    loss, _, _ = rocket(m, f"{path}rocket.", views)
    projections = siamlip_projections(m, f"{path}projectors.", views, separate)
    targets = projections if targets is None else targets

    def predict(x, modality, number):
        kind = "strong" if separate and number else "weak"
        return m.mlp(x, f"{path}predictors.{kind}.{modality}", [HIDDEN, 4], bias=False)

    images = [predict(v, "image", number) for number, (v, _) in enumerate(projections)]
    texts = [predict(v, "text", number) for number, (_, v) in enumerate(projections)]

    def distance(p, v):
        return 2 - 2 * (unit(p) * unit(v.detach())).sum(1).mean()

    count = len(views) - 1
    terms = distance(images[0], targets[0][1]) + distance(texts[0], targets[0][0])
    for a in range(1, count + 1):
        for b in range(1, count + 1):
            terms = terms + distance(images[a], targets[b][1]) + distance(texts[a], targets[b][0])
    return loss + terms / (2 + 2 * count**2)


def byolip(m, path, data):
    views = m.encode(f"{path}online.rocket.", data)
    theirs = m.encode(f"{path}teacher.", data)
    targets = siamlip_projections(m, f"{path}teacher.heads.", theirs, False)
    return siamlip(m, f"{path}online.", views, targets=targets)


def barlip(m, path, views, separate=False):
    loss, _, _ = rocket(m, f"{path}rocket.", views, doubled=True)

    def project(x, modality, number):
        kind = "strong" if separate and number else "weak"
        return m.mlp(x, f"{path}projectors.{kind}.{modality}", [HIDDEN, 4], last="affine")

    images = [project(image, "image", number) for number, (image, _) in enumerate(views)]
    texts = [project(text, "text", number) for number, (_, text) in enumerate(views)]

    def correlate(v, w):
        matrix = v.T @ w / BATCH
        on = torch.diagonal(matrix)
        return 0.025 * (((on - 1) ** 2).sum() + 5e-3 * ((matrix**2).sum() - (on**2).sum()))

    count = len(views) - 1
    strong = sum(correlate(v, w) for v in images[1:] for w in texts[1:])
    return loss + (correlate(images[0], texts[0]) + strong) / (1 + count**2)


def sinkhorn(scores):
    mass = torch.exp(scores.detach() / 0.05).T
    mass = mass / mass.sum()
    prototypes, samples = mass.shape
    for _ in range(3):
        mass = mass / mass.sum(1, keepdim=True) / prototypes
        mass = mass / mass.sum(0, keepdim=True) / samples
    return (mass * samples).T


def soft_entropy(targets, logits):
    return -(targets * F.log_softmax(logits, 1)).sum(1).mean()


def swalip(m, path, views):
    loss, strong, scale = rocket(m, f"{path}rocket.", views, smoothing=0.0)
    total = 0
    for own, other in ((0, 1), (1, 0)):
        scores = [[unit(a[own]) @ unit(b[other]).T for b in strong] for a in strong]
        for a in (0, 1):
            for b in (0, 1):
                total = total + soft_entropy(sinkhorn(scores[1 - a][1 - b]), scale * scores[a][b]) / 2
    return loss + 0.2 * total / 4


def swalip_v1(m, path, views, frozen=False, shared=True):
    loss = clip(m, f"{path}clip.", views)
    image = m.mlp(views[0][0], f"{path}heads.image", [HIDDEN, 4])
    text = m.mlp(views[0][1], f"{path}heads.text", [HIDDEN, 4])
    images = m(f"{path}prototypes.weight", 5, 4)
    texts = images if shared else m(f"{path}text_prototypes.weight", 5, 4)
    if frozen:
        images, texts = images.detach(), texts.detach()
    scores = [unit(image) @ unit(images).T, unit(text) @ unit(texts).T]
    scale = m.scale(f"{path}scale") if not frozen else m.scale(f"{path}scale").detach()
    swapped = soft_entropy(sinkhorn(scores[1]), scale * scores[0]) + soft_entropy(sinkhorn(scores[0]), scale * scores[1])
    return loss + 0.2 * swapped / 2


# SLIP, SigLIP, nCLIP, xCLIP


def slip(m, path, data):
    views = m.encode(path, data[:1])
    loss = clip(m, path, views)
    first, second = (unit(m.mlp(m.image(path, view), f"{path}ssl_head", [HIDDEN, HIDDEN, DIM])) for view in data[1:])
    both = torch.cat([first, second])
    logits = both @ both.T / 0.1 - torch.eye(2 * BATCH) * 1e9
    return loss + 0.8 * F.cross_entropy(logits, torch.arange(2 * BATCH).roll(BATCH))


def siglip(m, path, views):
    image = unit(m.linear(views[0][0], f"{path}image_head.Linear", DIM, bias=False))
    text = unit(m.linear(views[0][1], f"{path}text_head.Linear", DIM))
    logits = m.scale(f"{path}loss.scale") * image @ text.T + m(f"{path}loss.bias", 1)
    signs = 2 * torch.eye(BATCH) - 1
    return -F.logsigmoid(signs * logits).sum() / BATCH


def units(m, path, image, text):
    heads = [m.mlp(x, f"{path}.{name}.Mlp", [HIDDEN, HIDDEN, 8], last="plain", act=F.gelu)
             for x, name in ((image, "image"), (text, "text"))]
    return [(head / temperature).log_softmax(1) for head, temperature in zip(heads, (0.5, 0.8))]


def agreement(m, path, views, teacher=None):
    p, q = units(m, f"{path}heads", *views[0])
    to_p, to_q = (p.exp(), q.exp()) if teacher is None else (x.exp().detach() for x in teacher)

    def entropy(x):
        return -(x * x.log()).sum(-1)

    align = -((to_p * q).sum(1) + (to_q * p).sum(1)).mean() / 2
    sharp = (entropy(p.exp()) + entropy(q.exp())).mean() / 2
    smooth = (entropy(p.exp().mean(0)) + entropy(q.exp().mean(0))) / 2
    return align + 0.2 * sharp - 0.7 * smooth


def nclip_with_teacher(m, path, data):
    views, theirs = m.encode(path, data), m.encode(f"{path}teacher.", data)
    return agreement(m, path, views, units(m, f"{path}teacher.heads", *theirs[0]))


def xclip(m, path, data):
    views = m.encode(f"{path}nclip.", data)
    return 0.3 * clip(m, path, views) + 0.7 * agreement(m, f"{path}nclip.", views)


# Pictures alone: two global views, then local crops


def moco_v3(m, path, data):
    def project(at, x):
        return m.mlp(x, at, [HIDDEN, HIDDEN, 4], bias=False, last_bias=False, last="plain")

    def predict(x):
        return m.mlp(x, f"{path}predictor", [HIDDEN, 4], bias=False, last_bias=False, last="plain")

    queries = [unit(predict(project(f"{path}projector", m.image(path, view)))) for view in data]
    keys = [unit(project(f"{path}teacher.head", m.image(f"{path}teacher.", view))).detach() for view in data]
    terms = [F.cross_entropy(q @ k.T / 0.3, torch.arange(BATCH)) for q, k in zip(queries, keys[::-1])]
    return 2 * 0.3 * sum(terms)


def dino(m, path, data, frozen=False):
    def head(x, at):
        for number, width in enumerate((HIDDEN, HIDDEN, 4)):
            x = m.linear(x, f"{at}.layers.{number}", width)
            x = F.gelu(x) if number < 2 else x
        directions = m(f"{at}.prototypes", 4, 8)
        return unit(x) @ F.normalize(directions.detach() if frozen else directions, dim=0, eps=1e-12)

    teacher = [head(m.image(f"{path}teacher.", view), f"{path}teacher.head").detach() for view in data[:2]]
    student = [head(m.image(path, view), f"{path}head") for view in data]
    center = weights(f"{path}center", (1, 8))
    targets = [F.softmax((t - center) / 0.05, 1) for t in teacher]
    terms = [
        soft_entropy(target, scores / 0.1) for i, target in enumerate(targets) for j, scores in enumerate(student) if i != j
    ]
    m.buffers[f"{path}center"] = 0.8 * center + 0.2 * torch.cat(teacher).mean(0, keepdim=True)
    return sum(terms) / len(terms)


def swav(m, path, data, frozen=False):
    vectors = [m.mlp(m.image(path, view), f"{path}head", [HIDDEN, 4]) for view in data]
    prototypes = m(f"{path}prototypes.weight", 5, 4)
    prototypes = unit(prototypes.detach() if frozen else prototypes)
    scores = [unit(x) @ prototypes.T for x in vectors]
    codes = [sinkhorn(x) for x in scores[:2]]
    terms = [soft_entropy(code, x / 0.1) for i, code in enumerate(codes) for j, x in enumerate(scores) if i != j]
    return sum(terms) / len(terms)


def with_views(objective, encoders=""):
    return lambda m, path, data: objective(m, path, m.encode(path + encoders, data))


ROCKET = {"embed_dim": DIM, "strong_head": {"kind": "mlp", "hidden": HIDDEN}}
CLUSTER = {
    "head": {"kind": "mlp", "widths": [HIDDEN, HIDDEN, 8], "activation": "gelu", "last_norm": "plain"},
    "loss": {"sharpness_weight": 0.2, "smoothness_weight": 0.7, "temperatures": [0.5, 0.8]},
}
SIAMLIP = {
    "rocket": ROCKET,
    "projector": {"hidden": HIDDEN, "output": 4},
    "predictor": {"widths": [HIDDEN, 4], "bias": False},
}
BARLIP = {
    "rocket": {**ROCKET, "loss": {"reduction": "sum"}},
    "projector": {"widths": [HIDDEN, 4], "last_norm": "affine"},
}
PROTOTYPES = {"clip": {"embed_dim": DIM}, "head": {"widths": [HIDDEN, 4]}, "prototypes": {"prototypes": 5, "dim": 4}}
PLAIN = {"bias": False, "last_bias": False, "last_norm": "plain"}
MOMENTUM = 0.9
DINO = {
    "head": {"hidden": HIDDEN, "bottleneck": 4, "output": 8},
    "momentum": {"start": MOMENTUM},
    "loss": {"teacher_temperature": 0.05, "center_momentum": 0.8},
}
SWAV = {"head": {"widths": [HIDDEN, 4]}, "prototypes": {"prototypes": 5, "dim": 4}}

# Variant of AnyMethod, its configuration, strong views, objective, local crops where there are some.
CASES = {
    "clip": ("Clip", {"embed_dim": DIM}, 0, with_views(clip)),
    "clip-rocket": ("ClipRocket", ROCKET, 2, with_views(lambda m, path, views: rocket(m, path, views)[0])),
    "clip-rocket, three views": ("ClipRocket", ROCKET, 3, with_views(lambda m, path, views: rocket(m, path, views)[0])),
    "slip": (
        "Slip",
        {"embed_dim": DIM, "ssl_head": {"widths": [HIDDEN, HIDDEN, DIM]}, "loss": {"ssl_scale": 0.8}},
        2,
        slip,
    ),
    "siamlip": ("SiamLip", SIAMLIP, 2, with_views(siamlip, "rocket.")),
    "siamlip, separate heads": (
        "SiamLip",
        {**SIAMLIP, "separate_heads": True},
        1,
        with_views(lambda m, path, views: siamlip(m, path, views, True), "rocket."),
    ),
    "byolip": ("ByoLip", {"siamlip": SIAMLIP, "momentum": {"start": MOMENTUM}}, 2, byolip),
    "barlip": ("BarLip", BARLIP, 2, with_views(barlip, "rocket.")),
    "barlip, separate heads": (
        "BarLip",
        {**BARLIP, "separate_heads": True},
        1,
        with_views(lambda m, path, views: barlip(m, path, views, True), "rocket."),
    ),
    "swalip": ("SwaLip", {"rocket": {**ROCKET, "loss": {"label_smoothing": 0.0}}}, 2, with_views(swalip, "rocket.")),
    "swalip-v1, prototypes frozen": (
        "SwaLipV1",
        {**PROTOTYPES, "frozen_steps": 1},
        0,
        with_views(lambda m, path, views: swalip_v1(m, path, views, frozen=True), "clip."),
    ),
    "swalip-v1, prototypes of their own": (
        "SwaLipV1",
        {**PROTOTYPES, "frozen_steps": 0, "shared_prototypes": False, "learn_scale": True},
        0,
        with_views(lambda m, path, views: swalip_v1(m, path, views, shared=False), "clip."),
    ),
    "nclip": ("NClip", CLUSTER, 0, with_views(agreement)),
    "nclip, teacher": ("NClip", {**CLUSTER, "momentum": {"start": MOMENTUM}}, 0, nclip_with_teacher),
    "xclip": ("XClip", {"embed_dim": DIM, "nclip": CLUSTER, "clip_weight": 0.3, "nclip_weight": 0.7}, 0, xclip),
    "siglip": (
        "SigLip",
        {"embed_dim": DIM, "text_head": {"kind": "biased-linear"}, "clamp_scale": True},
        0,
        with_views(siglip),
    ),
    "dino": ("Dino", {**DINO, "frozen_steps": 0}, 1, dino, 3),
    "dino, prototypes frozen": (
        "Dino",
        {**DINO, "frozen_steps": 1},
        1,
        lambda m, path, data: dino(m, path, data, frozen=True),
    ),
    "moco-v3": (
        "MocoV3",
        {
            "projector": {"widths": [HIDDEN, HIDDEN, 4], **PLAIN},
            "predictor": {"widths": [HIDDEN, 4], **PLAIN},
            "momentum": {"start": MOMENTUM},
            "loss": {"temperature": 0.3},
        },
        1,
        moco_v3,
    ),
    "swav": ("Swav", {**SWAV, "frozen_steps": 0}, 1, swav, 2),
    "swav, prototypes frozen": (
        "Swav",
        {**SWAV, "frozen_steps": 1},
        1,
        lambda m, path, data: swav(m, path, data, frozen=True),
    ),
}


def rounded(tensor):
    return [float(f"{x:.7g}") for x in tensor.flatten().tolist()]


def run(name, variant, config, views, objective, local=0):
    m = Model()
    loss = objective(m, f"{variant}.", batch(views, local))
    loss.backward()
    after = dict(m.buffers)
    moved = {}
    for path, parameter in m.learned.items():
        moved[path] = parameter.detach() - (0 if parameter.grad is None else RATE * parameter.grad)
    for path, parameter in m.fixed.items():
        # Most teachers lie beside their students, BYOLIP's beside the model that learns.
        online = path.replace(".teacher.heads.", ".online.projectors.").replace(".teacher.", ".online.rocket.")
        projector = path.replace(".teacher.head.", ".projector.").replace(".teacher", "")
        student = {"ByoLip": online, "MocoV3": projector}.get(variant, path.replace(".teacher", ""))
        student = moved[student]
        after[path] = MOMENTUM * parameter.detach() + (1 - MOMENTUM) * student
    for path, parameter in moved.items():
        if path.endswith("log_scale"):
            after[path] = parameter.clamp(0, math.log(100))
    gradients = {path: rounded(p.grad) for path, p in m.learned.items() if p.grad is not None}
    return {
        "name": name,
        "config": {"name": name.split(",")[0], **config},
        "views": views,
        "local": local,
        "loss": float(f"{loss.item():.10g}"),
        "parameters": {path: list(p.shape) for part in (m.learned, m.fixed, m.buffers) for path, p in part.items()},
        "gradients": gradients,
        "after": {path: rounded(tensor) for path, tensor in after.items()},
    }


def main():
    cases = [run(name, *case) for name, case in CASES.items()]
    text = json.dumps({"rate": RATE, "cases": cases}, separators=(",", ":")).replace('{"name"', '\n{"name"')
    Path(__file__).parents[1].joinpath("golden/methods.json").write_text(text + "\n")
    for case in cases:
        print(f"{case['name']}: loss {case['loss']:.6f}, {len(case['gradients'])} gradients")


if __name__ == "__main__":
    main()
