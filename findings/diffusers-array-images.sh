#!/usr/bin/env bash
# diffusers 0.42.1 (PyPI, with torch 2.11.0): the same picture given to VaeImageProcessor in three forms.
#
# Guess: preprocess() of a PIL image, of an array and of a tensor with the same values gives the same input of the
#   VAE, up to the last level of rounding, and bytes are scaled by 255.
# Seen: where a side is no multiple of 8, a PIL image is shrunk with the Lanczos filter that the processor's setting
#   `resample` names, arrays and tensors by nearest neighbour whatever it says: on a checkerboard of single pixels,
#   100 to 96 pixels a side, inputs differ by 1.8 of the range's 2. Bytes in an array are not scaled: the VAE is given
#   numbers up to 509 in place of -1 to 1, without a word.
# What is measured on reconstructions or inversions depends on it; give PIL images, or sides that are multiples of 8
# and floats from 0 to 1.
# Needs 6 GB for torch with its CUDA libraries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check diffusers==0.42.1 torch==2.11.0 pillow==12.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

board = numpy.repeat((numpy.indices((100, 100)).sum(0) % 2 * 255).astype(numpy.uint8)[:, :, None], 3, axis=2)
processor = VaeImageProcessor(vae_scale_factor=8)
floats = board.astype(numpy.float32)[None] / 255
picture = processor.preprocess(Image.fromarray(board))
array = processor.preprocess(floats)
tensor = processor.preprocess(torch.from_numpy(floats).permute(0, 3, 1, 2))
print("shapes:", tuple(picture.shape), tuple(array.shape), tuple(tensor.shape))
print("array against tensor:", float((array - tensor).abs().max()))
print("picture against tensor:", float((picture - tensor).abs().max()))
assert float((array - tensor).abs().max()) == 0 and float((picture - tensor).abs().max()) > 1.5

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    of_bytes = processor.preprocess(board[None])
print("bytes:", float(of_bytes.min()), "to", float(of_bytes.max()), "warnings:", len(caught))
assert float(of_bytes.max()) == 509 and not caught
PYTHON
