#!/usr/bin/env bash
# opencv-python-headless 4.14.0.94: approxPolyDP, documented as the Douglas-Peucker algorithm.
#
# Guess: a point is kept by its distance from the line through the ends of its piece.
# Seen: it is the distance from the piece itself, so that a spike along that line, beyond an end, is kept.
# Assay's human correction effort measures to the piece.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 opencv-python-headless==4.14.0.94
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

line = np.array([[0, 0], [5, 0], [9, 0], [4, 0]], np.int32)[:, None, :]
kept = cv2.approxPolyDP(line, 2.0, False)[:, 0].tolist()
print("kept of", line[:, 0].tolist(), ":", kept)
assert [9, 0] in kept
PYTHON
