#!/usr/bin/env bash
# Whole encoders, this library against PyTorch on the same machine: single passes taken by turns, in one run.
# Arguments select models by parts of their names. Needs `pip install torch open_clip_torch`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --bench encoders --no-run
exec "${PYTHON:-python3}" benches/peers/encoders.py "$@"
