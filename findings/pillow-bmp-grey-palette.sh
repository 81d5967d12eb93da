#!/usr/bin/env bash
# pillow 13.0.0 beside opencv-python-headless 4.14.0.94: BMPs whose palette is made of greys.
#
# Guess: a palette is looked up, whatever its colours.
# Seen: 8 bits a pixel with the two entries black and white are read as one bit a pixel, so that a mask of 0 and 255 in
# this form is all black; 4 bits with the sixteen greys 0 to 15 are read as eight bits a pixel. OpenCV looks both up, as
# Assay does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.4 pillow==13.0.0 opencv-python-headless==4.14.0.94
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct

import cv2
import numpy as np
from PIL import Image


def bmp(bits, greys, rows, width, compression=0, height=1):
    """A Windows BMP of `rows` (bytes from the lowest row up) with a palette of greys."""
    palette = b"".join(bytes([grey, grey, grey, 0]) for grey in greys)
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(rows), 0, 0, len(greys), 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows


files = {
    "two entries, 8 bits": bmp(8, [0, 255], bytes([0, 1, 1, 0]), 4),
    "sixteen entries, 4 bits": bmp(4, range(16), bytes([0x01, 0x23, 0, 0]), 4),
}
seen = {}
for name, data in files.items():
    image = Image.open(io.BytesIO(data))
    pillow = np.asarray(image.convert("L"))[0].tolist()
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)[0].tolist()
    seen[name] = (image.mode, pillow, opencv)
    print(f"{name}: pillow {image.mode} {pillow}, opencv {opencv}")
assert seen["two entries, 8 bits"] == ("1", [0, 0, 0, 0], [0, 255, 255, 0])
assert seen["sixteen entries, 4 bits"] == ("L", [1, 35, 0, 0], [0, 1, 2, 3])
PYTHON
