#!/usr/bin/env bash
# clip-benchmark 1.6.2 and open_clip_torch 3.3.0 (torch 2.15.0): the 1,000 ImageNet class names hold duplicates.
#
# Behaviour: classes 657 and 744 are both "missile", 836 and 837 both "sunglasses". A zero-shot classifier built from the list has
#   identical columns there, so the two scores always tie. Of the translated lists Italian shares most names, Chinese fewest.
# Seen, for image features that equal their own class's text features (one picture a class):
#   en 998 names, acc1 0.998, acc5 1.0, recall 0.998
#   cn 999 names, acc1 0.999, acc5 1.0, recall 0.999
#   ar 996 names, acc1 0.996, acc5 1.0, recall 0.996
#   jp 991 names, acc1 0.991, acc5 1.0, recall 0.991
#   it 980 names, acc1 0.98, acc5 1.0, recall 0.98
# Expected: 1,000 names, and 1.0 for a perfect model.
# Why it matters: with ties broken alike top-1 cannot pass 99.8 %, whatever the model, and the loser of each pair stands at 0 % in every
#   table by class; which one loses is up to topk. Scores in two languages have different ceilings.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
{
  "$work/venv/bin/pip" -q install --no-compile torch==2.15.0 numpy==2.3.5 scikit-learn==1.9.1 tqdm==4.70.1 &&
  "$work/venv/bin/pip" -q install --no-compile --no-deps clip-benchmark==1.6.2 open_clip_torch==3.3.0
} || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import importlib.util, json, pathlib, runpy, sys
import torch
import clip_benchmark
from clip_benchmark.metrics.zeroshot_classification import evaluate, zero_shot_classifier

lists = pathlib.Path(clip_benchmark.__file__).parent / "datasets"
DIM = 128


class Perfect(torch.nn.Module):
    """A text's features are drawn by its number; an image's are those of its class."""

    def encode_text(self, ids):
        return torch.stack([torch.randn(DIM, generator=torch.Generator().manual_seed(int(i))) for i in ids])

    def encode_image(self, labels):
        return self.columns[labels]


class Numbers(dict):
    """A tokenizer: equal texts get equal numbers, different texts different ones."""

    def __call__(self, texts):
        return torch.tensor([self.setdefault(text, len(self)) for text in texts])


class Pictures(list):
    pass


found = {}
for language in ("en", "cn", "ar", "jp", "it"):
    names = json.loads((lists / f"{language}_classnames.json").read_text())["imagenet1k"]
    templates = json.loads((lists / f"{language}_zeroshot_classification_templates.json").read_text())["imagenet1k"][:5]
    model, tokenizer = Perfect(), Numbers()
    model.columns = zero_shot_classifier(model, tokenizer, names, templates, "cpu", amp=False).T
    labels = torch.arange(1000)
    pictures = Pictures([(labels, labels)])
    pictures.dataset = type("Set", (), {"classes": names})
    metrics = evaluate(model, pictures, tokenizer, names, templates, "cpu", amp=False)
    found[language] = (len(set(names)), *(round(metrics[k], 4) for k in ("acc1", "acc5", "mean_per_class_recall")))
    print(f"{language} {found[language][0]} names, acc1 {found[language][1]}, acc5 {found[language][2]}, recall {found[language][3]}")

path = pathlib.Path(importlib.util.find_spec("open_clip").origin).parent / "zero_shot_metadata.py"
theirs = runpy.run_path(str(path))["IMAGENET_CLASSNAMES"]
pairs = [(a, b) for a in range(1000) for b in range(a + 1, 1000) if theirs[a] == theirs[b]]
print("open_clip's list:", [(theirs[a], a, b) for a, b in pairs])

expected = {"en": 998, "cn": 999, "ar": 996, "jp": 991, "it": 980}
same = all(found[k] == (n, n / 1000, 1.0, n / 1000) for k, n in expected.items()) and pairs == [(657, 744), (836, 837)]
sys.exit(0 if same else "changed")
PYTHON
"$work/venv/bin/python" finding.py 2>"$work/log" || { tail -n 5 "$work/log"; exit 1; }
