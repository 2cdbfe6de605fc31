#!/usr/bin/env bash
# How many changes of the code the tests notice, with cargo-mutants (`cargo install cargo-mutants`): of the crates that are named, or of
# those whose numbers decide a run. scripts/mutants.sh schedulers trainer
# The schedulers take minutes. The others compile burn once for the features of one crate, and then link their tests for every mutant: hours.
set -euo pipefail
cd "$(dirname "$0")/.."
of=("$@")
[ "$#" -gt 0 ] || of=(schedulers trainer eval losses)
mkdir -p target
for crate in "${of[@]}"; do
    arguments=(--in-place --output "target/mutants-$crate" --package "vlp-$crate" --timeout 600)
    if [ "$crate" = trainer ]; then
        # What decides whether and how a step is applied.
        for file in clip gate finite step rate_factors; do
            arguments+=(--file "crates/vlp-trainer/src/$file.rs")
        done
    fi
    # It ends with an error where a mutant is missed; the numbers below say how many.
    cargo mutants "${arguments[@]}" || true
    results="target/mutants-$crate/mutants.out"
    caught=$(wc -l <"$results/caught.txt")
    missed=$(wc -l <"$results/missed.txt")
    echo "vlp-$crate: $caught of $((caught + missed)) viable mutants caught; missed:"
    cat "$results/missed.txt"
done
