"""Weights that Python and C++ (tests/support/random_weights.cpp) make alike, so that no large file is stored.

Value i of tensor KEY is scale * u + shift with u in [-1, 1) from 24 bits of SplitMix64 at FNV-1a(KEY) + i.
Scale and shift keep the activations of a deep ReLU network near 1.

usage: random_weights.py inception|vgg16 OUT.safetensors [OUT.pth]
"""
import json
import math
import struct
import sys

import numpy as np


def uniform(key, count):
    state = 14695981039346656037
    for byte in key.encode():
        state = (state ^ byte) * 1099511628211 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def scale_and_shift(key, shape):
    if len(shape) == 4:
        return math.sqrt(6.0 / (shape[1] * shape[2] * shape[3])), 0.0
    if len(shape) == 2:
        return math.sqrt(3.0 / shape[1]), 0.0
    if key.endswith("running_var"):
        return 0.5, 1.0
    if key.endswith("weight") or key.endswith("gamma"):
        return 0.1, 1.0
    return 0.05, 0.0


def random_tensor(key, shape):
    scale, shift = scale_and_shift(key, shape)
    return (uniform(key, math.prod(shape)) * scale + shift).astype(np.float32).reshape(shape)


def random_state(state_dict):
    """Random values for every tensor of a PyTorch state_dict that is not a counter."""
    import torch

    return {
        key: value if value.dtype == torch.int64 else torch.from_numpy(random_tensor(key, tuple(value.shape)))
        for key, value in state_dict.items()
    }


def write_safetensors(file, tensors):
    names = {"float32": "F32", "int64": "I64", "uint8": "U8"}
    header, offset = {}, 0
    for name in sorted(tensors):
        array = tensors[name]
        header[name] = {
            "dtype": names[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            out.write(np.ascontiguousarray(tensors[name]).tobytes())


def network(name):
    import torch_fidelity.feature_extractor_inceptionv3 as inception
    import torchvision

    if name == "vgg16":
        return torchvision.models.vgg16()
    inception.load_state_dict_from_url = lambda *_, **__: None
    load, inception.FeatureExtractorInceptionV3.load_state_dict = (
        inception.FeatureExtractorInceptionV3.load_state_dict,
        lambda *_: None,
    )
    net = inception.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased", "logits"])
    inception.FeatureExtractorInceptionV3.load_state_dict = load
    return net


if __name__ == "__main__":
    import torch

    state = random_state(network(sys.argv[1]).state_dict())
    write_safetensors(sys.argv[2], {k: v.numpy() for k, v in state.items() if v.dtype == torch.float32})
    if len(sys.argv) > 3:
        torch.save(state, sys.argv[3])
