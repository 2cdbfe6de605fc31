#!/usr/bin/env bash
# open_clip_torch 3.3.0 (torch 2.15.0): --accum-freq k multiplies the gradient of logit_scale and logit_bias by k, and only theirs.
#
# Behaviour: each of the k backward passes sees the whole batch's loss, with features of one part alive and the rest cached. The towers'
#   gradients add up to the full batch's; the scale and the bias are alive in every pass, so their gradients are counted k times.
# Seen, ratio to the gradient of one batch of 8 (ViT of one layer, float32, train_one_epoch of open_clip_train itself):
#   ClipLoss k=2: towers 1.000, logit_scale 2.000
#   ClipLoss k=4: towers 1.000, logit_scale 4.000
#   SigLipLoss k=2: towers 1.000, logit_scale 2.000, logit_bias 2.000
#   SigLipLoss k=4: towers 1.000, logit_scale 4.000, logit_bias 4.000
# Expected: 1 everywhere; that the cached features make accumulation equal to the full batch is what they are there for.
# Why it matters: where --grad-clip-norm clips, the inflated share of the scale shrinks every tower's update; with SGD the temperature moves
#   k times too fast; a gradient logged or compared with another implementation's is off by k for these two numbers alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile torch==2.15.0 torchvision==0.29.2 open_clip_torch==3.3.0 timm==1.0.31 numpy==2.3.5 || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import json, logging, math, pathlib, sys, types
import torch
import open_clip
from open_clip.loss import ClipLoss, SigLipLoss
from open_clip_train.train import train_one_epoch

logging.disable(logging.CRITICAL)
torch.set_num_threads(1)
vision = {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8}
text = {"context_length": 8, "vocab_size": 64, "width": 32, "heads": 2, "layers": 1}
pathlib.Path("configs").mkdir()
pathlib.Path("configs/one-layer.json").write_text(json.dumps({"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}))
open_clip.add_model_config("configs")


class Batches(list):
    num_samples = 8

    @property
    def num_batches(self):
        return len(self)


class Look(torch.optim.SGD):
    """Keeps the gradients in place of taking a step."""

    def step(self, closure=None):
        self.seen = [p.grad.clone() for p in self.param_groups[0]["params"]]


def gradients(loss, k):
    torch.manual_seed(0)
    more = {"init_logit_scale": math.log(10), "init_logit_bias": -10.0} if isinstance(loss, SigLipLoss) else {}
    model = open_clip.create_model("one-layer", output_dict=True, **more)
    images, texts = torch.randn(8, 3, 16, 16), torch.randint(1, 63, (8, 8))
    texts[:, -1] = 63
    batches = Batches(zip(images.chunk(k), texts.chunk(k)))
    data = {"train": types.SimpleNamespace(dataloader=batches, set_epoch=lambda epoch: None)}
    optimizer = Look(model.parameters(), lr=0.0)
    flags = dict(device="cpu", precision="fp32", distill=False, accum_freq=k, skip_scheduler=True, grad_clip_norm=None, horovod=False)
    where = dict(rank=0, local_rank=0, log_local=False, world_size=1, batch_size=8 // k, log_every_n_steps=1, wandb=False)
    train_one_epoch(model, data, loss, 0, optimizer, None, None, None, types.SimpleNamespace(**flags, **where))
    scalars, towers = {}, []
    for (name, _), gradient in zip(model.named_parameters(), optimizer.seen):
        if name in ("logit_scale", "logit_bias"):
            scalars[name] = float(gradient)
        else:
            towers.append(gradient.flatten())
    return torch.cat(towers), scalars


same = True
for loss in (ClipLoss(), SigLipLoss()):
    towers, scalars = gradients(loss, 1)
    for k in (2, 4):
        other, others = gradients(loss, k)
        ratios = {"towers": float(other @ towers / (towers @ towers))} | {name: others[name] / scalars[name] for name in scalars}
        print(f"{type(loss).__name__} k={k}:", ", ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items()))
        same &= float((other - towers).norm() / towers.norm()) < 1e-4
        same &= all(abs(ratio - k) < 1e-3 for name, ratio in ratios.items() if name != "towers")
sys.exit(0 if same else "changed")
PYTHON
"$work/venv/bin/python" finding.py
