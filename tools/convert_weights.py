#!/usr/bin/env python3
"""Turns a public weight file (.pth, .pt) into the safetensors file that --weights and `assay run --tier paper` take.

usage: tools/convert_weights.py [--weights online|ema] FILE.pth FILE.safetensors

Known files:
  weights-inception-2015-12-05-6726825d.pth   torch-fidelity, FID Inception
  pt_inception-2015-12-05-6726825d.pth        pytorch-fid, the same network
  vgg16-397923af.pth                          torchvision, VGG16
  dinov2_vit{s,b,l}14_pretrain.pth            facebookresearch/dinov2
  dino_*_pretrain.pth                         facebookresearch/dino
  *_diffusion.pt, *_classifier.pt             openai/guided-diffusion, ZGCTroy/ED-DPM
  nnet.pth, nnet_ema.pth, *_uvit_*.pth        baofff/U-ViT
  model-*.pt, pretrain_*.pt                   jiachenlei/maskdm: training states, which hold two networks and need
                                              --weights: `online` to train on from, `ema`, their average, to sample from

Key names stay as they are, but for the prefix of a network inside a training state. Counters of batches and a training
state's schedules and optimiser are left out, half precision becomes float32. Where the file's name ends in eight
hexadecimal digits, they must begin the file's SHA-256. Needs Python with torch; no network.
"""
import argparse
import ctypes
import hashlib
import json
import os
import re
import struct
import sys
from pathlib import Path


def check_hash(file):
    named = re.search(r"-([0-9a-f]{8})\.pth$", file.name)
    with open(file, "rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if named and not digest.startswith(named.group(1)):
        sys.exit(f"{file}: SHA-256 is {digest[:8]}..., the name says {named.group(1)}: damaged or another file")
    return digest


# Where a training state of MaskDM keeps which network.
NETWORKS = {"online": ("model", "model."), "ema": ("ema", "ema_model.model.")}


def chosen_network(file, state, weights):
    """The state_dict of one network of a training state, or `state` where it is none."""
    if not all(isinstance(state.get(part), dict) for part, _ in NETWORKS.values()):
        if weights:
            sys.exit(f"{file}: --weights {weights}: not a training state of MaskDM, the file holds one network")
        return state
    if not weights:
        sys.exit(f"{file}: a training state with two networks; choose --weights online (to train on) or --weights ema (to sample)")
    part, prefix = NETWORKS[weights]
    chosen = {key[len(prefix):]: value for key, value in state[part].items() if key.startswith(prefix)}
    if not chosen:
        sys.exit(f"{file}: no key of '{part}' begins with '{prefix}'")
    return chosen


def read_state(file, weights):
    try:
        import torch
    except ImportError:
        sys.exit("convert_weights.py needs Python with torch: python3 -m pip install torch")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        sys.exit(f"{file}: not a PyTorch state_dict ({type(error).__name__}); TorchScript and NVIDIA's .pkl are not read")
    if isinstance(state, dict):
        state = chosen_network(file, state, weights)
    for key in ("state_dict", "model", "teacher"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    tensors = {}
    for key, value in state.items() if isinstance(state, dict) else []:
        if not torch.is_tensor(value):
            sys.exit(f"{file}: '{key}' is no tensor; expected a state_dict")
        if value.is_floating_point():
            tensors[key] = value.to(torch.float32).contiguous()
    if not tensors:
        sys.exit(f"{file}: no float tensors; expected a state_dict")
    return tensors


def write_safetensors(file, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name in sorted(tensors):
        size = 4 * tensors[name].numel()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = file.with_name(file.name + ".part")
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            tensor = tensors[name]  # its bytes as they lie, without NumPy, which LibTorch's wheel does not bring
            out.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))
    os.replace(part, file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FILE.pth")
    parser.add_argument("target", type=Path, metavar="FILE.safetensors")
    parser.add_argument("--weights", choices=sorted(NETWORKS), help="which network of a training state")
    options = parser.parse_args()
    if not options.source.is_file():
        sys.exit(f"{options.source}: no such file")
    digest = check_hash(options.source)
    tensors = read_state(options.source, options.weights)
    metadata = {"source": options.source.name, "source_sha256": digest}
    if options.weights:
        metadata["weights"] = options.weights
    write_safetensors(options.target, tensors, metadata)
    print(f"{options.target}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} numbers")


if __name__ == "__main__":
    main()
