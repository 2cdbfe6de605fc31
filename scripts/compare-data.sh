#!/usr/bin/env bash
# Indexing, inspecting and reading of shards against webdataset's iteration of the same ones, then the loader against webdataset with
# torch's DataLoader, by turns on the same machine.
#
#   scripts/compare-data.sh                  all of it
#   scripts/compare-data.sh --read [N]       indexing, inspecting and reading alone, N samples in each of four shards (4,000: 740 MB)
#   scripts/compare-data.sh WIDTH HEIGHT     the loader alone at one size of pictures
#   scripts/compare-data.sh --decode FILES   JPEG files decoded here and by the `image` crate, without Python
#
# Needs `pip install webdataset pillow numpy`, for the loader also torch and torchvision; or PYTHON=path/to/python.
set -euo pipefail
bench="cargo bench -q -p vlp-data --no-default-features --bench data"
if [ "${1:-}" = --decode ]; then
    shift
    files=()
    for file in "$@"; do files+=("$(realpath "$file")"); done
    cd "$(dirname "$0")/.."
    exec $bench -- --decode "${files[@]}"
fi
cd "$(dirname "$0")/.."
$bench --no-run
python="${PYTHON:-python3}"
if [ $# = 0 ] || [ "$1" = --read ]; then
    "$python" benches/peers/read.py "${2:-4000}"
    [ $# = 0 ] || exit 0
    echo
fi
exec "$python" benches/peers/data.py "$@"
