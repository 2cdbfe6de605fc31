#!/usr/bin/env bash
# How many changes of the code the tests notice, with cargo-mutants (`cargo install cargo-mutants`): of the crates that are named, or of
# those whose numbers decide a run. What follows `--` goes to cargo-mutants.
#
#   scripts/mutants.sh                             # all four
#   scripts/mutants.sh schedulers                  # minutes: it knows no burn
#   scripts/mutants.sh losses -- --shard 3/40      # one mutant in forty, from the third on
#
# For the others a crate and its tests are built and linked anew for each mutant, half a minute on two cores: hours for a whole crate.
# Of losses and trainer, whose tests are outside of their sources, all of the workspace's features are kept (`--test-workspace`) and the tests
# are named, so that neither burn is compiled once more nor the whole workspace for each mutant.
set -euo pipefail
cd "$(dirname "$0")/.."
of=() more=()
while [ "$#" -gt 0 ] && [ "$1" != -- ]; do
    of+=("$1")
    shift
done
[ "$#" -eq 0 ] || { shift && more=("$@"); }
[ "${#of[@]}" -gt 0 ] || of=(schedulers trainer eval losses)
mkdir -p target
for crate in "${of[@]}"; do
    arguments=(--in-place --output "target/mutants-$crate" --package "vlp-$crate" --timeout 600)
    # Those whose tests stand beside the sources; of the trainer's, those of the files below.
    if [ "$crate" = losses ] || [ "$crate" = trainer ]; then
        arguments+=(--test-workspace=true)
        # Of the whole workspace only the crate's own tests, by their names; said to cargo's builds too.
        for file in crates/vlp-"$crate"/tests/*.rs crates/vlp-"$crate"/tests/*/main.rs; do
            name="${file%/main.rs}"
            [ ! -e "$file" ] || arguments+=(--cargo-arg=--test --cargo-arg="$(basename "${name%.rs}")")
        done
    fi
    if [ "$crate" = trainer ]; then
        # What decides whether and how a step is applied.
        for file in clip gate finite step rate_factors; do
            arguments+=(--file "crates/vlp-trainer/src/$file.rs")
        done
    fi
    # It ends with an error where a mutant is missed; the numbers below say how many.
    cargo mutants "${arguments[@]}" "${more[@]}" || true
    results="target/mutants-$crate/mutants.out"
    # A mutant that hangs is noticed too.
    caught=$(cat "$results/caught.txt" "$results/timeout.txt" | wc -l)
    missed=$(wc -l <"$results/missed.txt")
    echo "vlp-$crate: $caught of $((caught + missed)) viable mutants caught; missed:"
    cat "$results/missed.txt"
done
