#!/usr/bin/env bash
# The golden tests of operations, losses and encoders on LibTorch (CPU), with the tolerances that hold for the CPU backend, and the
# libraries' own tests.
# LIBTORCH names a folder of LibTorch 2.9.0, with its `lib` on LD_LIBRARY_PATH; without it the build fetches one. Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=()
for file in $(grep -l 'under_test()' crates/vlp-{ops,losses,encoders}/tests/*.rs); do
  tests+=(--test "$(basename "$file" .rs)")
done
export VLP_TEST_DEVICE=libtorch
exec cargo test --workspace --features tch --no-fail-fast --lib "${tests[@]}" -- "$@"
