#!/usr/bin/env bash
# prdc 0.2: the smallest set that k-nearest-neighbour radii can be taken of.
#
# Guess: k + 1 rows are enough, since each row then has k neighbours.
# Seen: k + 1 rows raise "kth(=k+1) out of bounds", k + 2 rows work: the partition asks for one place more than is read.
# Assay takes k + 1 rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 scikit-learn==1.9.1 prdc==0.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from prdc import compute_prdc

k = 4
random = np.random.default_rng(0)
outcome = {}
for rows in (k + 1, k + 2):
    real = random.normal(size=(rows, 3))
    try:
        outcome[rows] = compute_prdc(real_features=real, fake_features=real + 0.01, nearest_k=k)
    except ValueError as error:
        outcome[rows] = str(error)
    print(rows, "rows, k =", k, ":", outcome[rows])
assert isinstance(outcome[k + 1], str) and "out of bounds" in outcome[k + 1]
assert outcome[k + 2]["precision"] == 1.0
PYTHON
