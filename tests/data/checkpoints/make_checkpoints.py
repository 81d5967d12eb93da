"""Writes small checkpoints as PyTorch does: the zip format, the one before 1.6, a TorchScript program. torch 2.11.0."""
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
state = {"cls_token": torch.zeros(1, 1, 4)}
torch.save(state, folder / "zip.pth")
torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
torch.jit.script(torch.nn.Identity()).save(str(folder / "program.pt"))
