#!/usr/bin/env bash
# The loader against webdataset with torch's DataLoader on the same machine and shards, by turns. Arguments: width and height of one
# size, else three sizes. Needs `pip install torch torchvision webdataset pillow`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench -p vlp-data --no-default-features --bench data --no-run
exec "${PYTHON:-python3}" benches/peers/data.py "$@"
