#!/usr/bin/env bash
# The operations' golden tests on CubeCL's CPU runtime: the code that runs on GPUs, compiled for this processor. Building needs LLVM, which
# cubecl's build fetches. Only single operations: whole models take too long to compile here (CONTRIBUTING.md), and so does the test of attention
# that goes through all numbers of tokens, each with kernels of its own. Arguments go to the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export VLP_TEST_DEVICE=cubecl
exec cargo test --workspace --features vlp-ops/cubecl,vlp-testkit/cubecl-cpu --no-fail-fast --test pointwise_and_rows --test attention -- \
  --skip values_and_gradients_equal_the_whole_matrix_for_all_numbers_of_tokens "$@"
