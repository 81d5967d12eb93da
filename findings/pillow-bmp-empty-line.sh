#!/usr/bin/env bash
# pillow 13.0.0 beside opencv-python-headless 4.14.0.94: a run-length BMP with a line that holds no run.
#
# Guess: an end of line without pixels before it leaves the row at palette entry 0, as the format says.
# Seen: Pillow refuses the file ("not enough image data"); OpenCV reads it, and so does Assay.
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


# Two pixels of entry 1, end of line; end of line; two pixels of entry 2, end of line; end of the picture.
data = bmp(8, [0, 100, 200], bytes([2, 1, 0, 0, 0, 0, 2, 2, 0, 0, 0, 1]), 2, compression=1, height=3)
opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).tolist()
try:
    pillow = np.asarray(Image.open(io.BytesIO(data)).convert("L")).tolist()
except ValueError as error:
    pillow = str(error)
print("opencv", opencv)
print("pillow", pillow)
assert opencv == [[200, 200], [0, 0], [100, 100]]
assert pillow == "not enough image data"
PYTHON
