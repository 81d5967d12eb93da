#!/usr/bin/env python3
"""Writes the packs sd.unet.levels, sd.unet.linear, sd.unet.lists and sd.vae.more beside this file: networks of diffusers
with random weights, in configurations that the packs sd.unet, sd.unet.v2 and sd.vae leave out.

Needs: diffusers 0.42.1, torch 2.11.    usage: make_sd_pack.py
"""
import json
from pathlib import Path

import diffusers
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import save_file

HERE = Path(__file__).parent


def randomised(network, seed):
    """Weights of which none is zero and through which signals keep their size."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.dim() == 1:
                value.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                value.copy_(noise / value[0].numel() ** 0.5)
    return network.eval()


class Pack:
    def __init__(self, name, module, config, network):
        self.folder, self.module, self.config, self.network = HERE / name, module, config, network
        self.cases, self.tensors = [], {}

    def add(self, name, call, inputs, outputs):
        case = {"name": name, "call": call, "inputs": {}, "outputs": {}, "rtol": 1e-4, "atol": 5e-5}
        for kind, tensors in (("in", inputs), ("out", outputs)):
            for key, value in tensors.items():
                case[kind + "puts"][key] = f"{name}/{kind}.{key}"
                self.tensors[f"{name}/{kind}.{key}"] = value.contiguous().clone()
        self.cases.append(case)

    def write(self):
        self.folder.mkdir(exist_ok=True)
        save_file({key: value.contiguous() for key, value in self.network.state_dict().items()},
                  self.folder / "state.safetensors")
        save_file(self.tensors, self.folder / "cases.safetensors")
        (self.folder / "pack.json").write_text(json.dumps({
            "module": self.module, "config": self.config, "state": "state.safetensors",
            "total_parameters": sum(value.numel() for value in self.network.parameters()), "cases": self.cases,
            "tensors": "cases.safetensors",
            "source": f"PyPI: diffusers {diffusers.__version__}, torch {torch.__version__}"}) + "\n")


class KeptMaps(AttnProcessor):
    """diffusers' attention that is not fused, which makes its maps one by one."""
    maps = {}

    def __init__(self, name):
        super().__init__()
        self.name = name

    def __call__(self, attention, *arguments, **options):
        scores = attention.get_attention_scores

        def kept(*a, **o):
            probabilities = scores(*a, **o)
            self.maps[self.name] = probabilities.view(-1, attention.heads, *probabilities.shape[1:])
            return probabilities

        attention.get_attention_scores = kept
        try:
            return super().__call__(attention, *arguments, **options)
        finally:
            attention.get_attention_scores = scores


def unet(name, sizes, seed, **config):
    """`sizes`: images, height, width and tokens of each case. Maps are of the first, a time for all of the second."""
    network = randomised(UNet2DConditionModel(**config), seed)
    pack = Pack(name, "sd.unet", config, network)
    generator = torch.Generator().manual_seed(seed + 1)
    width = config["cross_attention_dim"]
    for number, (batch, height, wide, tokens) in enumerate(sizes):
        inputs = {"sample": torch.randn(batch, config["in_channels"], height, wide, generator=generator),
                  "timestep": torch.randint(0, 1000, (batch,), generator=generator) if number != 1 else torch.tensor(501.5),
                  "encoder_hidden_states": torch.randn(batch, tokens, width[-1] if isinstance(width, list) else width,
                                                       generator=generator)}
        with torch.no_grad():
            outputs = {"sample": network(*inputs.values()).sample}
            if number == 0:
                fused = network.attn_processors
                network.set_attn_processor({key: KeptMaps(key.removesuffix(".processor")) for key in fused})
                KeptMaps.maps.clear()
                network(*inputs.values())
                network.set_attn_processor(fused)
                outputs |= {"probs:" + key: value for key, value in KeptMaps.maps.items()}
        pack.add(f"{batch}x{height}x{wide}", "attention_maps" if number == 0 else "forward", inputs, outputs)
    pack.write()


def vae(name, sizes, seed, **config):
    network = randomised(AutoencoderKL(**config), seed)
    pack = Pack(name, "sd.vae", config, network)
    generator = torch.Generator().manual_seed(seed + 1)
    scale, shift = config["scaling_factor"], config["shift_factor"]
    for batch, height, wide in sizes:
        image = torch.rand(batch, config["in_channels"], height, wide, generator=generator) * 2 - 1
        with torch.no_grad():
            latent = network.encode(image).latent_dist
            noise = torch.randn(latent.mean.shape, generator=generator)
            sample = latent.mean + latent.std * noise
            pack.add(f"encode_{batch}x{height}x{wide}", "encode", {"image": image, "noise": noise},
                     {"moments": latent.parameters, "mean": latent.mean, "logvar": latent.logvar, "std": latent.std,
                      "sample": sample, "scaled_latent": (sample - shift) * scale})
            drawn = torch.randn(latent.mean.shape, generator=generator)
            pack.add(f"decode_{batch}x{height}x{wide}", "decode", {"latent": drawn},
                     {"image": network.decode(drawn / scale + shift).sample})
    pack.write()


DOWN, DOWN_TEXT, UP, UP_TEXT = "DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"

unet("sd.unet.levels", [(2, 8, 8, 7), (1, 13, 11, 5), (3, 5, 8, 7)], 1, in_channels=4, out_channels=4,
     down_block_types=[DOWN_TEXT, DOWN_TEXT, DOWN], up_block_types=[UP, UP_TEXT, UP_TEXT],
     block_out_channels=[4, 6, 8], layers_per_block=2, attention_head_dim=2, cross_attention_dim=6, norm_num_groups=2)
unet("sd.unet.linear", [(2, 8, 8, 7), (2, 15, 9, 3)], 2, in_channels=4, out_channels=4,
     down_block_types=[DOWN_TEXT, DOWN_TEXT, DOWN_TEXT, DOWN], up_block_types=[UP, UP_TEXT, UP_TEXT, UP_TEXT],
     block_out_channels=[4, 6, 6, 8], layers_per_block=1, attention_head_dim=[1, 2, 3, 4], cross_attention_dim=6,
     norm_num_groups=2, use_linear_projection=True, upcast_attention=True)
unet("sd.unet.lists", [(2, 8, 8, 7), (1, 7, 10, 5)], 3, in_channels=9, out_channels=5,
     down_block_types=[DOWN, DOWN_TEXT], up_block_types=[UP_TEXT, UP], block_out_channels=[4, 10],
     layers_per_block=[1, 2], attention_head_dim=[4, 3], cross_attention_dim=[5, 6], norm_num_groups=2,
     transformer_layers_per_block=[1, 2], only_cross_attention=[False, True], norm_eps=1e-3, flip_sin_to_cos=False,
     freq_shift=1, center_input_sample=True)
vae("sd.vae.more", [(2, 16, 12), (1, 19, 11)], 4, in_channels=1, out_channels=2, latent_channels=6,
    block_out_channels=[4, 6, 8], down_block_types=["DownEncoderBlock2D"] * 3,
    up_block_types=["UpDecoderBlock2D"] * 3, layers_per_block=2, norm_num_groups=2, scaling_factor=0.3,
    shift_factor=0.7, use_quant_conv=False, use_post_quant_conv=False)
