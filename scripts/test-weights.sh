#!/usr/bin/env bash
# Weights of the other libraries, both ways: tiny models made by open_clip, transformers 4 and 5 and timm, in each of their files
# and in f32, f16 and bf16, are opened by `vlp embed`, exported by `vlp convert` to every layout that can say them, and opened there
# again; then 30 steps of fine-tuning, whole, with locked towers and with adapters, whose exports are compared with the run.
# A line for each, a table at the end; ends with 1 when something differs.
#
#   scripts/test-weights.sh [FOLDER]
#
# FOLDER keeps the Python environments for the next time (a temporary folder, when left out); PEERS_PYTHON names a Python that has the
# packages already, PEERS_TRANSFORMERS_4 a folder with transformers 4, tokenizers and huggingface_hub (pip install --target), VLP the
# program. Needs PyPI otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keep=${1:-$work}
mkdir -p "$keep"
python=${PEERS_PYTHON:-$keep/venv/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv "$keep/venv"
    "$keep/venv/bin/pip" -q install open_clip_torch==3.3.0 transformers==5.24.0 timm==1.0.31
fi
four=${PEERS_TRANSFORMERS_4:-$keep/transformers4}
if [ ! -d "$four/transformers" ]; then
    "$python" -m pip -q install --no-deps --target "$four" transformers==4.57.6 'huggingface_hub<1' 'tokenizers>=0.22,<0.23.1'
fi
if [ -z "${VLP:-}" ]; then
    cargo build --workspace --release --bin vlp
    VLP=target/release/vlp
fi

# Nothing is looked up on the internet; one text tower's sizes lie in a hub's cache that the first stage makes.
export HF_HOME="$work/hub" HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TQDM_DISABLE=1 TRANSFORMERS_VERBOSITY=error PYTHONWARNINGS=ignore
cases="$work/cases"
mkdir "$cases"
stage() { "$python" tests/peers/weights.py "$1" "$cases" "${@:2}"; }
with_four() { PYTHONPATH="$four" stage "$@"; }

stage make 2> "$work/make.log" || { tail "$work/make.log" >&2; exit 1; }
with_four make 2> "$work/make.log" || { tail "$work/make.log" >&2; exit 1; }
stage ours "$VLP"
stage check 2> "$work/check.log" || { tail "$work/check.log" >&2; exit 1; }
with_four check 2> "$work/check.log" || { tail "$work/check.log" >&2; exit 1; }
failed=0
stage tune "$VLP" 2> "$work/tune.log" || failed=1
stage table || failed=1
exit "$failed"
