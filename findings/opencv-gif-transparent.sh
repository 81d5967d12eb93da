#!/usr/bin/env bash
# opencv-python-headless 4.14.0.94 beside pillow 13.0.0: a GIF with one transparent palette entry.
#
# Guess: reading as colour drops the transparency and shows the palette's colour, as for a PNG.
# Seen: Pillow's convert("RGB") does; OpenCV gives the transparent pixel the colour of palette entry 0 (the background),
# with IMREAD_UNCHANGED too, so a colour of the file is lost.
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

image = Image.new("P", (3, 1))
image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
image.putdata([0, 1, 2])
image.save("three.gif", transparency=1)
pillow = np.asarray(Image.open("three.gif").convert("RGB"))[0].tolist()
colour = cv2.imread("three.gif")[0, :, ::-1].tolist()
unchanged = cv2.imread("three.gif", cv2.IMREAD_UNCHANGED)[0].tolist()
print("pillow", pillow)
print("opencv, as RGB", colour)
print("opencv, unchanged, BGRA", unchanged)
assert pillow == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
assert colour == [[255, 0, 0], [255, 0, 0], [0, 0, 255]]
assert unchanged[1] == [0, 0, 255, 0]
PYTHON
