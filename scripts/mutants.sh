#!/usr/bin/env bash
# How many changes of the code the tests notice, with cargo-mutants (`cargo install cargo-mutants`): of the crates that are named, or of
# those whose numbers decide a run. scripts/mutants.sh schedulers trainer
# The schedulers take minutes; crates with burn build it for each mutant's binary anew, some half a minute each on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
of=("$@")
[ "$#" -gt 0 ] || of=(schedulers trainer eval losses)
for crate in "${of[@]}"; do
    arguments=(--in-place --no-shuffle --output "target/mutants-$crate" --package "vlp-$crate" --timeout 300)
    case "$crate" in
        # What decides whether and how a step is applied.
        trainer) arguments+=(--file 'crates/vlp-trainer/src/{clip,gate,finite,step,rate_factors}.rs') ;;
        schedulers) ;;
        # As everywhere in this workspace: selecting one package would compile burn once more.
        *) ;;
    esac
    case "$crate" in
        schedulers) cargo mutants "${arguments[@]}" || true ;;
        *) cargo mutants "${arguments[@]}" --cargo-arg=--workspace -- --lib --test '*' || true ;;
    esac
    awk -v crate="$crate" 'FILENAME ~ /caught/ { caught++ } FILENAME ~ /missed/ { missed++; print "missed: " $0 }
        END { if (caught + missed) printf "vlp-%s: %d of %d viable mutants caught, %.1f %%\n", crate, caught, caught + missed, 100 * caught / (caught + missed) }' \
        "target/mutants-$crate"/mutants.out/{caught,missed}.txt
done
