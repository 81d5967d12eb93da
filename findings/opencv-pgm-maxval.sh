#!/usr/bin/env bash
# opencv-python-headless 4.14.0.94 beside pillow 13.0.0: a PGM whose largest value is not 255.
#
# Guess: both readers stretch 0..maxval to 0..255, in the binary kind (P5) as in the plain one (P2).
# Seen: OpenCV stretches P2 and returns P5 as stored, so one mask read from both kinds differs; Pillow stretches both.
# A mask written with maxval 1 is almost black for whoever reads its P5 with OpenCV. Assay stretches both kinds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 pillow==13.0.0 opencv-python-headless==4.14.0.94
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
from PIL import Image

values = [0, 50, 100]
open("binary.pgm", "wb").write(b"P5\n3 1\n100\n" + bytes(values))
open("plain.pgm", "w").write("P2\n3 1\n100\n0 50 100\n")
seen = {
    (reader, kind): read(kind)[0].tolist()
    for kind in ("binary.pgm", "plain.pgm")
    for reader, read in (
        ("opencv", lambda file: cv2.imread(file, cv2.IMREAD_UNCHANGED)),
        ("pillow", lambda file: np.asarray(Image.open(file).convert("L"))),
    )
}
for key, pixels in seen.items():
    print(*key, pixels)
assert seen["opencv", "binary.pgm"] == [0, 50, 100]
assert seen["opencv", "plain.pgm"] == [0, 127, 255]
assert seen["pillow", "binary.pgm"] == seen["pillow", "plain.pgm"] == [0, 128, 255]
PYTHON
