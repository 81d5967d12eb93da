#!/usr/bin/env bash
# pillow 13.0.0 beside opencv-python-headless 4.14.0.94, files of tifffile 2026.3.3: BigTIFF in both byte orders.
#
# Guess: a reader that takes BigTIFF takes it in either byte order, as it does TIFF.
# Seen: Pillow reads the little-endian file and cannot identify the big-endian one; OpenCV reads both, as Assay does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 pillow==13.0.0 opencv-python-headless==4.14.0.94 tifffile==2026.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import cv2
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

warnings.simplefilter("ignore")
pixels = np.array([[0, 64, 255]], np.uint8)
seen = {}
for order in "<>":
    tifffile.imwrite("big.tif", pixels, bigtiff=True, byteorder=order, photometric="minisblack")
    try:
        seen[order] = np.asarray(Image.open("big.tif"))[0].tolist()
    except UnidentifiedImageError:
        seen[order] = "cannot identify"
    opencv = cv2.imread("big.tif", cv2.IMREAD_UNCHANGED)[0].tolist()
    print(order, "pillow", seen[order], "opencv", opencv)
    assert opencv == [0, 64, 255]
assert seen == {"<": [0, 64, 255], ">": "cannot identify"}
PYTHON
