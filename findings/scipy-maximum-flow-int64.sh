#!/usr/bin/env bash
# scipy 1.17.1: maximum_flow of capacities that need more than 32 bits.
#
# Guess: a 64-bit graph is refused or computed in 64 bits, as a graph of floats is refused ("must be integers").
# Seen: capacities are taken modulo 2^32 without a word: two edges of 2^33 in a row carry 0, of 2^32 + 5 they carry 5. The
# sum of 32-bit capacities is right beyond 2^32. Costs that were scaled to large integers give a wrong cut.
# Assay scales to 64-bit integers of its own, and a cut that is not as large as its flow is an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow


def flow(capacity, dtype):
    return maximum_flow(csr_array((np.array([capacity] * 2, dtype), ([0, 1], [1, 2])), shape=(3, 3)), 0, 2).flow_value


for capacity in (2**33, 2**32 + 5, 2**31 - 1):
    print("two edges of", capacity, "in a row carry", flow(capacity, np.int64))
assert flow(2**33, np.int64) == 0 and flow(2**32 + 5, np.int64) == 5 and flow(2**31 - 1, np.int64) == 2**31 - 1
try:
    flow(1.5, np.float64)
except ValueError as error:
    print("floats:", error)
else:
    raise AssertionError("a graph of floats was taken")
beside = csr_array((np.full(8, 2**30, np.int32), ([0] * 4 + [1, 2, 3, 4], [1, 2, 3, 4] + [5] * 4)), shape=(6, 6))
print("four paths of 2**30 carry", maximum_flow(beside, 0, 5).flow_value)
assert maximum_flow(beside, 0, 5).flow_value == 2**32
PYTHON
