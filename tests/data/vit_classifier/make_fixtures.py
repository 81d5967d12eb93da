#!/usr/bin/env python3
"""Two small ViTForImageClassification folders as transformers writes them, with logits of a few images.

usage: make_fixtures.py    writes narrow/ and plain_qkv/ beside this file; made with transformers 5.24.0, torch 2.11.0

`logits.cls` are the model's own. `logits.patch_mean` are those of the classifier that the published code of Schwartz et
al. (arXiv:2303.17155) builds from the same modules: the mean of the patches' tokens, then the norm, then the head.
plain_qkv/state_dict.safetensors holds the same weights under the names that they have in memory.
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import ViTConfig, ViTForImageClassification

FOLDERS = {
    "narrow": dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20, image_size=24,
                   patch_size=8, id2label={0: "tabby, tiger cat", 1: "Crane", 2: "mouse"}),
    "plain_qkv": dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, image_size=16,
                      patch_size=4, num_channels=1, qkv_bias=False, layer_norm_eps=1e-3, id2label={0: "a", 1: "b"}),
}


def main():
    here = Path(__file__).parent
    for number, (name, arguments) in enumerate(FOLDERS.items()):
        generator = torch.Generator().manual_seed(100 + number)
        model = ViTForImageClassification(ViTConfig(**arguments)).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                scale = 0.1 if "norm" in key else 0.4
                base = 1.0 if "norm" in key and key.endswith("weight") else 0.0
                parameter.copy_(base + scale * torch.randn(parameter.shape, generator=generator))
            config = model.config
            images = torch.randn(3, config.num_channels, config.image_size, config.image_size, generator=generator)
            tokens = []
            handle = model.vit.layernorm.register_forward_pre_hook(lambda _, inputs: tokens.append(inputs[0]))
            cls = model(images).logits
            handle.remove()
            patch_mean = model.classifier(model.vit.layernorm(tokens[0][:, 1:, :].mean(dim=1)))
        model.save_pretrained(here / name)
        if name == "plain_qkv":
            save_file(model.state_dict(), here / name / "state_dict.safetensors")
        save_file({"images": images, "logits.cls": cls.contiguous(), "logits.patch_mean": patch_mean.contiguous()},
                  here / name / "cases.safetensors")


main()
