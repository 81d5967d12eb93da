#!/usr/bin/env python3
"""Turns a public weight file (.pth, .pt) into the safetensors file that --weights and `assay run --tier paper` take.

usage: tools/convert_weights.py FILE.pth FILE.safetensors

Known files:
  weights-inception-2015-12-05-6726825d.pth   torch-fidelity, FID Inception
  pt_inception-2015-12-05-6726825d.pth        pytorch-fid, the same network
  vgg16-397923af.pth                          torchvision, VGG16
  dinov2_vit{s,b,l}14_pretrain.pth            facebookresearch/dinov2
  dino_*_pretrain.pth                         facebookresearch/dino
  *_diffusion.pt, *_classifier.pt             openai/guided-diffusion, ZGCTroy/ED-DPM

Key names stay as they are. Counters of batches are left out, half precision becomes float32. Where the file's name
ends in eight hexadecimal digits, they must begin the file's SHA-256. Needs Python with torch; no network.
"""
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


def read_state(file):
    try:
        import torch
    except ImportError:
        sys.exit("convert_weights.py needs Python with torch: python3 -m pip install torch")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not its own
        sys.exit(f"{file}: not a PyTorch state_dict ({type(error).__name__}); TorchScript and NVIDIA's .pkl are not read")
    for key in ("state_dict", "model", "teacher"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    tensors = {}
    for key, value in state.items() if isinstance(state, dict) else []:
        if not torch.is_tensor(value):
            sys.exit(f"{file}: '{key}' is no tensor; expected a state_dict")
        if value.is_floating_point():
            tensors[key] = value.to(torch.float32).contiguous().numpy()
    if not tensors:
        sys.exit(f"{file}: no float tensors; expected a state_dict")
    return tensors


def write_safetensors(file, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name in sorted(tensors):
        size = tensors[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = file.with_name(file.name + ".part")
    with open(part, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            out.write(tensors[name].tobytes())
    os.replace(part, file)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    if not source.is_file():
        sys.exit(f"{source}: no such file")
    digest = check_hash(source)
    tensors = read_state(source)
    write_safetensors(target, tensors, {"source": source.name, "source_sha256": digest})
    print(f"{target}: {len(tensors)} tensors, {sum(t.size for t in tensors.values()):,} numbers")


if __name__ == "__main__":
    main()
