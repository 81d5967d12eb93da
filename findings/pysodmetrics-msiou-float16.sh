#!/usr/bin/env bash
# pysodmetrics 1.6.2: MSIoU of a mask against itself.
#
# Guess: 1 for every mask, since all cells of its edges are found again.
# Seen: edges of Boolean masks become float16 (NumPy's hypot of two Booleans), and so do their counts. From 2,048 cells on
# the count is rounded, which gives ratios beside 1; from 65,520 edge pixels on it is infinite, and the finest scale is 0:
# a finely textured mask of 400 x 400 pixels scores 0.944 against itself.
# Assay's pysod-msiou gives the same values, and says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 scipy==1.17.1 scikit-image==0.25.2 \
  scikit-learn==1.9.1 opencv-python-headless==4.14.0.94 pysodmetrics==1.6.2
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from py_sod_metrics.multiscale_iou import MSIoU

found = {}
for side in (20, 60, 400):
    y, x = np.mgrid[0:side, 0:side]
    mask = (((x // 2 + y // 2) % 2 == 0) * 255).astype(np.uint8)
    measure = MSIoU(False, False, with_binary=True)
    measure.step(mask, mask)
    found[side] = measure.get_results()["binary"]
    edge = measure.get_edge(mask > 128)
    print(side, "x", side, ":", found[side], "; edge pixels", edge.dtype, edge.sum(), "of", np.count_nonzero(edge))
assert found[20] == 1.0
assert found[60] != 1.0
assert 0.94 < found[400] < 0.95
PYTHON
