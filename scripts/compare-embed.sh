#!/usr/bin/env bash
# `vlp embed` against open_clip on the same machine, files and model, by turns. Argument: how many pictures. Needs
# `pip install torch open_clip_torch safetensors pillow`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --package vlp-cli
export VLP="$PWD/target/release/vlp"
exec "${PYTHON:-python3}" benches/peers/embed.py "$@"
