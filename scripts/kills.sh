#!/usr/bin/env bash
# Kills runs of every method 200 times each, or as often as said, and compares them with runs that were never killed:
# scripts/kills.sh 20 clip byolip
# An hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
export VLP_KILLS="${1:-200}"
shift || true
[ "$#" -eq 0 ] || export VLP_KILLS_METHODS="$*"
cargo test --workspace --test kills -- --ignored --nocapture --test-threads=1
