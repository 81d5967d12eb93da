"""Writes the JPEG fixtures of tests/images/jpeg_test.cpp and, as PNG, what Pillow decodes them to.

python3 make_fixtures.py, with Pillow 13.0 (libjpeg-turbo 3.2) and NumPy.
"""
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 37, 23
y, x = np.mgrid[:HEIGHT, :WIDTH]
noise = np.random.default_rng(1).integers(0, 40, (HEIGHT, WIDTH, 4))
pixels = np.stack([x * 6, y * 10, (x + y) * 4, x * y // 4], -1) % 216 + noise
image = Image.fromarray(pixels[..., :3].astype(np.uint8))

image.convert("L").save("grey.jpg", quality=85)
image.save("rgb444.jpg", quality=90, subsampling=0)
image.save("rgb422.jpg", quality=80, subsampling=1)
image.save("rgb420.jpg", quality=75, subsampling=2)
image.save("progressive.jpg", quality=75, progressive=True)
image.save("plain_rgb.jpg", quality=90, keep_rgb=True)
Image.fromarray(pixels.astype(np.uint8), "CMYK").save("cmyk.jpg", quality=90)
exif = Image.Exif()
exif[0x0112] = 6  # orientation: turn by 90 degrees
image.save("turned.jpg", quality=75, exif=exif)

for name in ("grey", "rgb444", "rgb422", "rgb420", "progressive", "plain_rgb", "cmyk", "turned"):
    decoded = Image.open(name + ".jpg")
    decoded.convert("L" if name == "grey" else "RGB").save(name + ".png")
