#!/usr/bin/env bash
# transformers 5.24.0 (PyPI, with torch 2.11.0): the names of a vision transformer's weights.
#
# Guess: ViTForImageClassification has the names of its published files in memory, vit.encoder.layer.0.attention.
#   attention.query.weight and so on, as in version 4.
# Seen: in memory they are vit.layers.0.attention.q_proj.weight, .o_proj, .mlp.fc1, .mlp.fc2; save_pretrained() writes
#   the old names and from_pretrained() reads them. Weights that a training script keeps by state_dict() therefore have
#   other names than the same model's saved folder, and neither loads into the other's strict reader.
# Assay's reader of such classifiers takes both.
# Needs 6 GB for torch with its CUDA libraries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 torch==2.11.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from safetensors import safe_open
from transformers import ViTConfig, ViTForImageClassification

model = ViTForImageClassification(ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                                            intermediate_size=32, image_size=32, patch_size=16, num_labels=3))
model.save_pretrained("saved")
in_memory = {key for key in model.state_dict() if ".0." in key}
with safe_open("saved/model.safetensors", "pt") as file:
    in_file = {key for key in file.keys() if ".0." in key}
print("in memory:", *sorted(in_memory), sep="\n  ")
print("in the file:", *sorted(in_file), sep="\n  ")
assert "vit.layers.0.attention.q_proj.weight" in in_memory
assert "vit.encoder.layer.0.attention.attention.query.weight" in in_file
assert not in_memory & in_file and len(in_memory) == len(in_file) == 16
PYTHON
