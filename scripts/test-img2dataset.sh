#!/usr/bin/env bash
# Runs img2dataset (by pip, into a folder of its own) over pictures served from 127.0.0.1, in its modes `webdataset`, `parquet` and
# `files`, and reads what it wrote: no sample may be lost.
#
#   scripts/test-img2dataset.sh [FOLDER]
#
# FOLDER keeps the Python environment for the next time; a temporary folder, when left out. Needs Python 3.9 to 3.12 and PyPI. VLP is
# the command `vlp` with the feature `parquet`; it is built, when left out.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
environment=${1:-$work}/venv
if [ ! -x "$environment/bin/img2dataset" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" -q install img2dataset
fi
python="$environment/bin/python"
# Asks a server on the internet for news otherwise.
export NO_ALBUMENTATIONS_UPDATE=1

# 60 pictures, of which two addresses are dead; captions with commas, quotes and line breaks, and a column with holes, which
# img2dataset writes into its JSON as NaN.
port=$("$python" - "$work" <<'PYTHON'
import pathlib, socket, sys
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

work = pathlib.Path(sys.argv[1])
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
(work / "pictures").mkdir()
rows = []
for i in range(60):
    if i not in (7, 31):
        picture = Image.effect_noise((80 + i, 64), 40 + i).convert("RGB")
        picture.save(work / "pictures" / f"{i}.jpg", quality=90)
    caption = [f"plate {i}", f'plate {i}, "quoted", on a table', f"plate {i}\nin two lines", "naïve café 東京"][i % 4]
    rows.append((f"http://127.0.0.1:{port}/{i}.jpg", caption, i / 7 if i % 3 else float("nan")))
columns = [pa.array(column, from_pandas=False) for column in zip(*rows)]
pq.write_table(pa.table(columns, ["url", "caption", "score"]), work / "list.parquet")
print(port)
PYTHON
)
"$python" -m http.server --bind 127.0.0.1 --directory "$work/pictures" "$port" >/dev/null 2>&1 &
server=$!
for _ in $(seq 50); do
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
    sleep 0.1
done

if [ -z "${VLP:-}" ]; then
    cargo build -q -p vlp-cli --features parquet
    VLP=${CARGO_TARGET_DIR:-target}/debug/vlp
fi
for mode in webdataset parquet files; do
    "$environment/bin/img2dataset" --url_list "$work/list.parquet" --input_format parquet --url_col url --caption_col caption \
        --save_additional_columns '["score"]' --output_format "$mode" --output_folder "$work/$mode" --image_size 64 \
        --number_sample_per_shard 25 --processes_count 1 --thread_count 4 --enable_wandb False \
        >"$work/$mode.log" 2>&1 || { tail -20 "$work/$mode.log"; exit 1; }
    "$VLP" data inspect "$work/$mode" --decode 1000 >"$work/$mode.txt" || { cat "$work/$mode.txt"; exit 1; }
    grep -q ': 58 samples$' "$work/$mode.txt" && grep -q '^damaged when read: 0$' "$work/$mode.txt" &&
        ! grep -q 'without\|no_caption\|metadata' "$work/$mode.txt" ||
        { echo "$mode: a sample is lost:"; cat "$work/$mode.txt"; exit 1; }
    echo "$mode: 58 of 58 samples"
done
