#!/usr/bin/env bash
# One training step of the quickstart's model: this library against PyTorch on the same machine, in one run.
# Needs a Python with torch: `pip install torch`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --example bench_quickstart
for views in 0 1; do
  cargo run --release --quiet --example bench_quickstart -- "$views" "${1:-15}"
  "${PYTHON:-python3}" benches/peers/quickstart_step.py "$views" "${1:-15}"
done
