#!/usr/bin/env bash
# Every loss, this library against PyTorch on the same machine: values and gradients compared, then times taken by turns.
# Arguments select losses by parts of their names. Needs `pip install torch open_clip_torch lightly`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --bench losses --no-run
exec "${PYTHON:-python3}" benches/peers/losses.py "$@"
