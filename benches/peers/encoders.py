"""The encoders of `benches/encoders.rs` in PyTorch with random weights: how long does each take on either side?

    python benches/peers/encoders.py [part of a model's name] ...

Needs `pip install torch open_clip_torch`. Asks `cargo bench --bench encoders -- --serve` for each of our numbers in turn, alternately
with its own, so that a machine that becomes slower does so for both. Models are open_clip's by name; the quickstart's is in
quickstart_step.py. Prints a Markdown table; exits with 1 when a model of open_clip has another number of parameters than ours.
"""

import os
import statistics
import sys
import time

import open_clip
import torch

import quickstart_step
from bench import PASSES, Ours

TURNS = 3


def build(model, tower, batch):
    """The module, a function from it to the vectors of a batch, and the number of parameters without projections."""
    if model == "quickstart":
        module = quickstart_step.Image() if tower == "image" else quickstart_step.Text()
        side, context, vocabulary = quickstart_step.SIDE, quickstart_step.CONTEXT, quickstart_step.VOCAB
        encode = module
    else:
        module = open_clip.create_model(model, precision="fp32")
        side, context, vocabulary = 224, module.context_length, module.vocab_size
        encode = module.encode_image if tower == "image" else module.encode_text
    parameters = sum(p.numel() for name, p in module.named_parameters() if belongs(model, tower, name))
    given = torch.randn(batch, 3, side, side) if tower == "image" else torch.randint(0, vocabulary, (batch, context))
    return module, lambda: encode(given), parameters


def belongs(model, tower, name):
    if model == "quickstart":
        return True
    if name in ("logit_scale", "visual.proj", "text_projection"):
        return False
    return name.startswith("visual.") == (tower == "image")


def once(module, run, against, backward):
    module.zero_grad()
    begun = time.perf_counter()
    with torch.set_grad_enabled(backward):
        vectors = run()
    if backward:
        (vectors * against).sum().backward()
    return (time.perf_counter() - begun) * 1e3


def main():
    torch.set_num_threads(os.cpu_count())
    ours, differing = Ours("encoders"), 0
    print(
        f"PyTorch {torch.__version__}, open_clip {open_clip.__version__}; {torch.get_num_threads()} threads; "
        f"f32, medians of {TURNS} single passes by turns, after one that does not count\n"
    )
    print("| model | tower | batch | forward in evaluation: ours, PyTorch (ms) | ratio | forward and backward: ours, PyTorch (ms) | ratio | samples/s forward, both: ours |")
    print("|---|---|---|---|---|---|---|---|")
    for number, case in enumerate(ours.ask("list")):
        if len(sys.argv) > 1 and not any(part in case["model"] for part in sys.argv[1:]):
            continue
        torch.manual_seed(0)
        module, run, parameters = build(**case)
        cells, rates = [], []
        for step in PASSES:
            backward = step == "forward_backward"
            module.train(backward)
            with torch.no_grad():
                against = torch.randn_like(run())
            if ours.ask("start", number, step) != parameters:
                differing += 1
                print(f"{case}: another number of parameters than {parameters}", file=sys.stderr)
            once(module, run, against, backward)
            mine, theirs = [], []
            for _ in range(TURNS):
                mine.append(ours.ask("once"))
                theirs.append(once(module, run, against, backward))
            mine, theirs = statistics.median(mine), statistics.median(theirs)
            cells.append(f"{mine:.4g}, {theirs:.4g} | {mine / theirs:.2f}")
            rates.append(f"{case['batch'] / mine * 1e3:.3g}")
        print(f"| {case['model']} | {case['tower']} | {case['batch']} | {cells[0]} | {cells[1]} | {', '.join(rates)} |", flush=True)
    sys.exit(differing > 0)


if __name__ == "__main__":
    main()
