#!/usr/bin/env bash
# Whole training steps, a ViT's and the quickstart's: this library against PyTorch on the same machine, single steps by turns.
# Arguments select cases by parts of their names. Needs a Python with torch: `pip install torch`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --bench step --no-run
# As .cargo/config.toml does for `cargo run`: the benchmark's allocator keeps its pages.
export MIMALLOC_PURGE_DELAY="${MIMALLOC_PURGE_DELAY:--1}"
exec "${PYTHON:-python3}" benches/peers/step.py "$@"
