#!/usr/bin/env python3
"""Makes resize.safetensors, inception.safetensors and vgg16.safetensors from the published Python code, and batch.npz.

python3 tests/data/features/make_fixtures.py, with torch 2.11.0, torchvision, torch-fidelity 0.4.0, pytorch-fid 0.3.0,
clean-fid 0.1.35, Pillow 13.0.0 and numpy; OMP_NUM_THREADS=1.
"""
from pathlib import Path

import numpy as np
import pytorch_fid.inception
import torch
import torch.nn.functional as F
import torchvision
from cleanfid.resize import make_resizer
from random_weights import network, random_state, uniform, write_safetensors
from torch_fidelity.feature_extractor_vgg16 import FeatureExtractorVGG16
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

HERE = Path(__file__).parent
torch.set_num_threads(1)
torch.set_grad_enabled(False)


def image(width, height):
    """Noise on a ramp: RGB bytes that tests/support/random_weights.cpp makes too."""
    noise = (uniform(f"image {width} x {height}", 3 * width * height) + 1) * 64
    ramp = np.arange(3 * width * height) * 128 // (3 * width * height)
    return (noise.astype(np.int64) + ramp).astype(np.uint8).reshape(height, width, 3)


def nchw(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float()


def interpolate(mode, antialias):
    return lambda x, side: F.interpolate(nchw(x), (side, side), mode=mode, align_corners=False, antialias=antialias)


RESIZES = {
    "tensorflow1": lambda x, side: interpolate_bilinear_2d_like_tensorflow1x(nchw(x), (side, side), align_corners=False),
    "half_pixel": interpolate("bilinear", False),
    "pillow_bicubic": lambda x, side: nchw(make_resizer("PIL", False, "bicubic", (side, side))(x)),
    "antialiased_bilinear": interpolate("bilinear", True),
    "antialiased_bicubic": interpolate("bicubic", True),
}

tensors = {}
for width, height in ((1, 1), (32, 32), (17, 40), (299, 299), (330, 311), (640, 301)):
    for name, resize in RESIZES.items():
        out = resize(image(width, height), 299)[0].permute(1, 2, 0)
        tensors[f"{name}/{width}x{height}"] = out[::13, ::11].numpy()
write_safetensors(HERE / "resize.safetensors", tensors)

np.savez(HERE / "batch.npz", arr_0=np.stack([image(32, 32), image(32, 32)[::-1]]), arr_1=np.array([3, 1]))

net = network("inception")
state = random_state(net.state_dict())
net.load_state_dict(state)
taps = {}
net.Mixed_6d.branch1x1.register_forward_hook(lambda m, i, out: taps.update(spatial=out))
pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
peer = pytorch_fid.inception.InceptionV3([3]).eval()

tensors = {}
for width, height in ((32, 32), (330, 311)):
    x = image(width, height)
    tag = f"{width}x{height}"
    pool3, unbiased, logits = net(nchw(x).to(torch.uint8))
    tensors[f"fid-tf1/pool3/{tag}"] = pool3[0].numpy()
    tensors[f"fid-tf1/logits_unbiased/{tag}"] = unbiased[0].numpy()
    tensors[f"fid-tf1/logits/{tag}"] = logits[0].numpy()
    tensors[f"fid-tf1/spatial/{tag}"] = taps["spatial"][0, :7].permute(1, 2, 0).flatten().numpy()
    tensors[f"fid-torch/pool3/{tag}"] = peer(nchw(x) / 255)[0].flatten().numpy()
    for protocol, resize in (("fid-clean", "pillow_bicubic"), ("fid-tm18", "antialiased_bilinear")):
        y = (RESIZES[resize](x, 299) - 128) / 128
        for name, child in net.named_children():
            y = torch.flatten(y, 1) if name == "fc" else child(y)
        tensors[f"{protocol}/pool3/{tag}"] = y[0].numpy()
write_safetensors(HERE / "inception.safetensors", tensors)
for name, value in tensors.items():
    print(name, value.shape, value.mean(), value.std())

vgg = torchvision.models.vgg16()
FeatureExtractorVGG16.__init__.__globals__["torchvision_load_pretrained_vgg16"] = lambda **_: vgg
vgg.load_state_dict(random_state(vgg.state_dict()))
extractor = FeatureExtractorVGG16("vgg16", ["fc2_relu"])
tensors = {f"pr-tf/fc2_relu/{w}x{h}": extractor(nchw(image(w, h)).to(torch.uint8))[0][0].numpy() for w, h in ((32, 32), (330, 311))}
write_safetensors(HERE / "vgg16.safetensors", tensors)
for name, value in tensors.items():
    print(name, value.shape, value.mean(), value.std())
