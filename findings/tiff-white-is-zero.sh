#!/usr/bin/env bash
# opencv-python-headless 4.14.0.94, pillow 13.0.0 and tifffile 2026.3.3: a grey TIFF in which 0 is white.
#
# Guess: image readers give light as large numbers, whatever the depth.
# Seen: OpenCV and Pillow invert 8-bit pixels and leave 16-bit ones as stored, so the same picture is a negative of
# itself in the deeper file; tifffile, and with it imageio, inverts neither.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 pillow==13.0.0 opencv-python-headless==4.14.0.94 tifffile==2026.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import tifffile
from PIL import Image

stored = {8: np.array([[0, 64, 255]], np.uint8), 16: np.array([[0, 16448, 65535]], np.uint16)}
seen = {}
for bits, pixels in stored.items():
    file = f"{bits}.tif"
    tifffile.imwrite(file, pixels, photometric="miniswhite")
    seen["opencv", bits] = cv2.imread(file, cv2.IMREAD_UNCHANGED)[0].tolist()
    seen["pillow", bits] = np.asarray(Image.open(file))[0].tolist()
    seen["tifffile", bits] = tifffile.imread(file).reshape(-1).tolist()
for key, pixels in seen.items():
    print(*key, pixels)
assert seen["opencv", 8] == seen["pillow", 8] == [255, 191, 0]
assert seen["opencv", 16] == seen["pillow", 16] == [0, 16448, 65535]
assert seen["tifffile", 8] == [0, 64, 255] and seen["tifffile", 16] == [0, 16448, 65535]
PYTHON
