#!/usr/bin/env bash
# tensorboard 2.21.0 (data server 0.7.2): its two loaders show different points of one and the same event file.
#
# Behaviour: when a tag's step falls back, the default loader (the data server) drops the earlier points from that step on.
#   --load_fast=false and the EventAccumulator, which scripts use to read curves, keep all points.
# Seen, for three epochs that each log the steps 0 to 9 (values 0 to 29):
#   EventAccumulator: 30 points, 0.0 to 29.0
#   --load_fast=false: 30 points, 0.0 to 29.0
#   without a flag: 10 points, 20.0 to 29.0
# Expected: one answer. In event files of version 2 Python's loader drops points only at a SessionLog.START, so that one looks like the rule.
# Why it matters: steps counted within an epoch leave the last epoch alone on the screen, without a word. After a resume from an older
#   checkpoint into the same folder, the screen shows one branch of the curve and a report made by script holds both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile tensorboard==2.21.0 tensorboard-data-server==0.7.2 numpy==2.3.5 setuptools==80.9.0 || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import json, pathlib, socket, subprocess, sys, time, urllib.request
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter

logs = pathlib.Path("logs").resolve()
writer = EventFileWriter(str(logs / "run"))
clock = 1.7e9
for epoch in range(3):
    for step in range(10):
        clock += 1
        meta = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
        value = Summary.Value(tag="loss", simple_value=epoch * 10 + step, metadata=meta)
        writer.add_event(Event(wall_time=clock, step=step, summary=Summary(value=[value])))
writer.close()


def served(*flag):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    board = [sys.executable, "-m", "tensorboard.main", "--logdir", logs, "--host", "127.0.0.1", "--port", str(port), *flag]
    server = subprocess.Popen(board, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(60):
            time.sleep(1)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/plugin/scalars/scalars?run=run&tag=loss", timeout=10) as answer:
                    points = json.load(answer)
            except OSError:
                continue
            if points:
                return [point[2] for point in points]
        sys.exit("tensorboard showed nothing within a minute")
    finally:
        server.terminate()
        server.wait()


accumulator = EventAccumulator(str(logs / "run"))
accumulator.Reload()
kept = [event.value for event in accumulator.Scalars("loss")]
seen = {"EventAccumulator": kept, "--load_fast=false": served("--load_fast=false"), "without a flag": served()}
for name, values in seen.items():
    print(f"{name}: {len(values)} points, {values[0]} to {values[-1]}")
everything = [float(i) for i in range(30)]
sys.exit(0 if list(seen.values()) == [everything, everything, everything[20:]] else "changed")
PYTHON
"$work/venv/bin/python" finding.py
