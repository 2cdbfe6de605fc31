#!/usr/bin/env bash
# Runs each fuzz target for some seconds (300 when left out), or those named: scripts/fuzz.sh 60 picture shard
# Needs cargo-fuzz 0.13 (`cargo install cargo-fuzz`) and a C++ compiler; the stable toolchain will do.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds="${1:-300}"
shift || true
# Sanitizers are an unstable option of a compiler that has them.
export RUSTC_BOOTSTRAP=1
cargo fuzz build
targets=("$@")
[ "$#" -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
golden=../crates/vlp-data/tests/golden
for target in "${targets[@]}"; do
    # What is found goes into the first folder; the others are read only.
    folders=("corpus/$target")
    [ ! -d "seeds/$target" ] || folders+=("seeds/$target")
    case "$target" in
        picture) folders+=("$golden/images") ;;
        pickle) folders+=("$golden/tables") ;;
        hf_tokenizer) mkdir -p corpus/hf_tokenizer && cp ../data/emoji/tokenizer.json corpus/hf_tokenizer/emoji ;;
    esac
    mkdir -p "${folders[@]}"
    echo "== $target"
    cargo fuzz run "$target" "${folders[@]}" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -print_final_stats=1
done
