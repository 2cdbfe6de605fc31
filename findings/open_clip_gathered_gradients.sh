#!/usr/bin/env bash
# open_clip_torch 3.3.0 (torch 2.15.0, DistributedDataParallel on gloo, two processes): by default the towers get half of the gradient,
# and --local-loss alone gives a gradient that is nobody's.
#
# Behaviour: a gathered tensor has no gradient unless --gather-with-grad; DDP then averages over ranks what each rank has of its own part.
#   The loss does not show it (with --local-loss it is that of rank 0's rows), and the scale's gradient is right in all four cases.
# Seen, DDP's gradient against that of the same 8 pairs in one process (ratio of projections, then what is left over, of 1):
#   default: loss 4.803 of 4.803, logit_scale 1.000, towers 0.500, left over 0.000
#   --gather-with-grad: loss 4.803 of 4.803, logit_scale 1.000, towers 1.000, left over 0.000
#   --local-loss: loss 4.356 of 4.803, logit_scale 1.000, towers 0.017, left over 0.989
#   --local-loss --gather-with-grad: loss 4.356 of 4.803, logit_scale 1.000, towers 1.000, left over 0.000
# Expected: four ways to the same gradient that differ in memory and traffic.
# Why it matters: the default's towers get 1/ranks of the gradient while the scale keeps all of its own. A clip at a global norm, SGD or a
#   recipe tuned on one GPU then means something else on eight. With --local-loss alone the terms in which a rank's features are the
#   other ranks' negatives are missing, so it is no rescaling that a learning rate could mend.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile torch==2.15.0 torchvision==0.29.2 open_clip_torch==3.3.0 timm==1.0.31 numpy==2.3.5 || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import json, logging, pathlib, sys
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import open_clip

CASES = {
    "default": {},
    "--gather-with-grad": {"gather_with_grad": True},
    "--local-loss": {"local_loss": True},
    "--local-loss --gather-with-grad": {"local_loss": True, "gather_with_grad": True},
}


def one_layer():
    open_clip.add_model_config("configs")
    torch.manual_seed(0)
    return open_clip.create_model("one-layer", output_dict=True)


def pairs():
    torch.manual_seed(1)
    images, texts = torch.randn(8, 3, 16, 16), torch.randint(1, 63, (8, 8))
    texts[:, -1] = 63
    return images, texts


def gradients(model, loss, images, texts):
    value = loss(**model(images, texts))
    value.backward()
    named = {name.removeprefix("module."): p.grad for name, p in model.named_parameters()}
    scale = float(named.pop("logit_scale"))
    return float(value.detach()), scale, torch.cat([gradient.flatten() for gradient in named.values()])


def rank(number):
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{pathlib.Path('meeting').resolve()}", rank=number, world_size=2)
    images, texts = (part.chunk(2)[number] for part in pairs())
    found = {}
    for name, flags in CASES.items():
        model = torch.nn.parallel.DistributedDataParallel(one_layer())
        found[name] = gradients(model, open_clip.ClipLoss(rank=number, world_size=2, **flags), images, texts)
    if number == 0:
        torch.save(found, "found.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    vision = {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
    text = {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1}
    pathlib.Path("configs").mkdir()
    pathlib.Path("configs/one-layer.json").write_text(json.dumps({"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}))
    whole, scale, towers = gradients(one_layer(), open_clip.ClipLoss(), *pairs())
    mp.spawn(rank, nprocs=2)
    same = True
    for name, (value, other_scale, other) in torch.load("found.pt").items():
        ratio = float(other @ towers / (towers @ towers))
        left = float((other - ratio * towers).norm() / other.norm())
        print(f"{name}: loss {value:.3f} of {whole:.3f}, logit_scale {other_scale / scale:.3f}, towers {ratio:.3f}, left over {left:.3f}")
        same &= abs(other_scale / scale - 1) < 1e-3
        if name == "--local-loss":
            same &= left > 0.1
        else:
            same &= left < 1e-3 and abs(ratio - (0.5 if name == "default" else 1.0)) < 1e-3
    sys.exit(0 if same else "changed")
PYTHON
"$work/venv/bin/python" finding.py
