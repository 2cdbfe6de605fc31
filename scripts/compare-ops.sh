#!/usr/bin/env bash
# Single operations, this library against PyTorch on the same machine: values and gradients compared, then times taken by turns.
# Arguments select operations by parts of their names. Needs `pip install torch numpy`, or PYTHON=path/to/python.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo bench --bench ops --no-run
exec "${PYTHON:-python3}" benches/peers/ops.py "$@"
