#!/usr/bin/env bash
# Tests of Parquet tables, further picture formats and remote shards, which .ci/run leaves out for their build time. The ignored `reads_from_a_store` is no test
# by itself: `s3_and_google_take_their_settings_from_the_environment` runs it in a process with credentials in its environment.
set -euo pipefail
cd "$(dirname "$0")/.."
# This combination does not need burn, so that selecting one crate compiles nothing twice.
cargo test -p vlp-data --features formats,parquet,remote
