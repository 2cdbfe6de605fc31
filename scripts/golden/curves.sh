#!/usr/bin/env bash
# Writes the loss curves of all methods anew, after a change that is meant to move them: the ignored test of tests/golden_curves.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test --workspace --test golden_curves -- --ignored
git --no-pager diff --stat -- tests/golden/curves.json
