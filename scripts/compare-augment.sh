#!/usr/bin/env bash
# Every image operation and whole views, this library against torchvision on Pillow, on one core of the same machine: times and ratios.
# Needs `pip install torch torchvision pillow`, or PYTHON=path/to/python. The first argument is the time of a case in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
augment=$(cargo bench -p vlp-augment --bench augment --no-run --message-format json 2>/dev/null |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1)
exec taskset -c 0 "${PYTHON:-python3}" benches/peers/augment.py "$augment" "${1:-0.3}"
