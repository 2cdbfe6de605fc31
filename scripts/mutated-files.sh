#!/usr/bin/env bash
# The tests that read damaged files, with ten times as many as `cargo test` has: 100,000 for each reader. Half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
export VLP_MUTANTS_TIMES="${1:-10}"
cargo test -p vlp-data --features hf-tokenizers,parquet --test mutants --test bad_shards --test decode --release
cargo test --workspace --release --test mutants --test recipe_mutants
