"""Stable Diffusion checkpoints in the original layout of CompVis and Stability AI, as a folder in diffusers' layout.

For tools/convert_weights.py. Of what the weights alone do not say, the number of heads and the prediction type, the
published models' values are taken unless they are given.
"""
import gzip
import json
import re
import shutil
import sys

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.text_model.", "cond_stage_model.model."
VERSION = "0.42.1"  # of the diffusers whose layout this is


def is_original(tensors):
    return any(key.startswith(UNET) for key in tensors)


def under(prefix, tensors):
    return {key[len(prefix):]: value for key, value in tensors.items() if key.startswith(prefix)}


def renamed(key, pairs):
    """The key with the first of these beginnings that it has replaced; nothing where it has none."""
    return next((new + key[len(old):] for old, new in pairs if key.startswith(old)), None)


RESNET = [("in_layers.0.", "norm1."), ("in_layers.2.", "conv1."), ("emb_layers.1.", "time_emb_proj."),
          ("out_layers.0.", "norm2."), ("out_layers.3.", "conv2."), ("skip_connection.", "conv_shortcut.")]


class Unet:
    """The layout of a UNet, read off its keys."""

    def __init__(self, tensors):
        self.tensors = tensors
        self.pairs = [("time_embed.0.", "time_embedding.linear_1."), ("time_embed.2.", "time_embedding.linear_2."),
                      ("input_blocks.0.0.", "conv_in."), ("out.0.", "conv_norm_out."), ("out.2.", "conv_out."),
                      ("middle_block.1.", "mid_block.attentions.0.")]
        self.widths, self.attends = [], []
        self.layers = self.walk_down()
        for old, new in (("middle_block.0.", "mid_block.resnets.0."), ("middle_block.2.", "mid_block.resnets.1.")):
            self.add_resnet(old, new)
        self.walk_up()

    def has(self, prefix):
        return any(key.startswith(prefix) for key in self.tensors)

    def add_resnet(self, old, new):
        self.pairs += [(old + inner, new + named) for inner, named in RESNET]

    def walk_down(self):
        level, layer, counts, block = 0, 0, [], 1
        while self.has(f"input_blocks.{block}."):
            old = f"input_blocks.{block}."
            if self.has(old + "0.op."):
                self.pairs.append((old + "0.op.", f"down_blocks.{level}.downsamplers.0.conv."))
                counts.append(layer)
                level, layer = level + 1, 0
            else:
                self.add_resnet(old + "0.", f"down_blocks.{level}.resnets.{layer}.")
                if layer == 0:
                    self.widths.append(self.tensors[old + "0.in_layers.2.weight"].shape[0])
                    self.attends.append(self.has(old + "1."))
                self.pairs.append((old + "1.", f"down_blocks.{level}.attentions.{layer}."))
                layer += 1
            block += 1
        counts.append(layer)
        if len(set(counts)) != 1:
            sys.exit(f"the UNet has levels of {counts} layers; accepted: as many in each")
        return counts[0]

    def walk_up(self):
        block = 0
        while self.has(f"output_blocks.{block}."):
            level, layer = divmod(block, self.layers + 1)
            old, new = f"output_blocks.{block}.", f"up_blocks.{level}."
            self.add_resnet(old + "0.", f"{new}resnets.{layer}.")
            for place in ("1.", "2."):
                if self.has(old + place + "conv."):
                    self.pairs.append((old + place + "conv.", new + "upsamplers.0.conv."))
                elif self.has(old + place):
                    self.pairs.append((old + place, f"{new}attentions.{layer}."))
            block += 1

    def state(self):
        return {renamed(key, self.pairs) or key: value for key, value in self.tensors.items()}

    def config(self, heads, head_channels, prediction):
        linear = self.tensors[next(key for key in self.tensors if key.endswith(".proj_in.weight"))].dim() == 2
        attention = next(value for key, value in self.tensors.items() if key.endswith(".attn2.to_k.weight"))
        if not heads and not head_channels:
            heads, head_channels = (None, 64) if linear else (8, None)
        count = len(self.widths)
        blocks = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in self.attends]
        return {"_class_name": "UNet2DConditionModel", "_diffusers_version": VERSION, "act_fn": "silu",
                "attention_head_dim": heads or [width // head_channels for width in self.widths],
                "block_out_channels": self.widths, "center_input_sample": False,
                "cross_attention_dim": attention.shape[1], "down_block_types": blocks, "downsample_padding": 1,
                "flip_sin_to_cos": True, "freq_shift": 0,
                "in_channels": self.tensors["input_blocks.0.0.weight"].shape[1], "layers_per_block": self.layers,
                "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32,
                "out_channels": self.tensors["out.2.weight"].shape[0], "sample_size": 96 if prediction == "v_prediction" else 64,
                "up_block_types": [name.replace("Down", "Up") for name in reversed(blocks)][:count],
                "use_linear_projection": linear}


def vae_key(key, levels):
    if not key.startswith(("encoder.", "decoder.")):
        return key
    key = re.sub(r"\bdown\.(\d+)\.block\.", r"down_blocks.\1.resnets.", key)
    key = re.sub(r"\bdown\.(\d+)\.downsample\.", r"down_blocks.\1.downsamplers.0.", key)
    turn = lambda match: f"up_blocks.{levels - 1 - int(match[1])}."
    key = re.sub(r"\bup\.(\d+)\.(?=block\.|upsample\.)", turn, key)
    key = re.sub(r"(?<=up_blocks\.\d\.)block\.", "resnets.", key)
    key = re.sub(r"(?<=up_blocks\.\d\.)upsample\.", "upsamplers.0.", key)
    key = key.replace("mid.block_1.", "mid_block.resnets.0.").replace("mid.block_2.", "mid_block.resnets.1.")
    key = key.replace(".nin_shortcut.", ".conv_shortcut.").replace(".norm_out.", ".conv_norm_out.")
    for old, new in (("norm.", "group_norm."), ("q.", "to_q."), ("k.", "to_k."), ("v.", "to_v."),
                     ("proj_out.", "to_out.0.")):
        key = key.replace("mid.attn_1." + old, "mid_block.attentions.0." + new)
    return key


def vae_part(tensors):
    levels = len({key.split(".")[2] for key in tensors if key.startswith("encoder.down.")})
    state = {}
    for key, value in tensors.items():
        if key.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")):
            new = vae_key(key, levels)
            state[new] = value[:, :, 0, 0] if ".attentions.0.to_" in new and value.dim() == 4 else value
    widths = [tensors[f"encoder.down.{i}.block.0.conv1.weight"].shape[0] for i in range(levels)]
    layers = len({key.split(".")[4] for key in tensors if key.startswith("encoder.down.0.block.")})
    config = {"_class_name": "AutoencoderKL", "_diffusers_version": VERSION, "act_fn": "silu",
              "block_out_channels": widths, "down_block_types": ["DownEncoderBlock2D"] * levels,
              "in_channels": tensors["encoder.conv_in.weight"].shape[1],
              "latent_channels": tensors["post_quant_conv.weight"].shape[1], "layers_per_block": layers,
              "norm_num_groups": 32, "out_channels": tensors["decoder.conv_out.weight"].shape[0], "sample_size": 512,
              "scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D"] * levels}
    return state, config


def text_config(state, activation):
    table = state["text_model.embeddings.token_embedding.weight"]
    layers = {key.split(".")[3] for key in state if key.startswith("text_model.encoder.layers.")}
    return {"architectures": ["CLIPTextModel"], "bos_token_id": 0, "eos_token_id": 2, "hidden_act": activation,
            "hidden_size": table.shape[1],
            "intermediate_size": state["text_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": state["text_model.embeddings.position_embedding.weight"].shape[0],
            "model_type": "clip_text_model", "num_attention_heads": max(1, table.shape[1] // 64),
            "num_hidden_layers": len(layers), "pad_token_id": 1, "projection_dim": table.shape[1],
            "vocab_size": table.shape[0]}


OPEN_CLIP_LAYER = [("ln_1.", "layer_norm1."), ("ln_2.", "layer_norm2."), ("mlp.c_fc.", "mlp.fc1."),
                   ("mlp.c_proj.", "mlp.fc2."), ("attn.out_proj.", "self_attn.out_proj.")]


def of_open_clip(tensors):
    """OpenCLIP's text tower without its last layer, whose input Stable Diffusion 2 takes."""
    last = max(int(key.split(".")[2]) for key in tensors if key.startswith("transformer.resblocks."))
    state = {"text_model.embeddings.token_embedding.weight": tensors["token_embedding.weight"],
             "text_model.embeddings.position_embedding.weight": tensors["positional_embedding"],
             "text_model.final_layer_norm.weight": tensors["ln_final.weight"],
             "text_model.final_layer_norm.bias": tensors["ln_final.bias"]}
    for key, value in tensors.items():
        match = re.match(r"transformer\.resblocks\.(\d+)\.(.*)", key)
        if not match or int(match[1]) == last:
            continue
        layer = f"text_model.encoder.layers.{match[1]}."
        if match[2].startswith("attn.in_proj_"):
            for name, third in zip("qkv", value.chunk(3)):
                state[f"{layer}self_attn.{name}_proj.{match[2][len('attn.in_proj_'):]}"] = third
        else:
            state[layer + renamed(match[2], OPEN_CLIP_LAYER)] = value
    return state


def scheduler_config(prediction):
    return {"_class_name": "PNDMScheduler", "_diffusers_version": VERSION, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
            "prediction_type": prediction, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
            "timestep_spacing": "leading", "trained_betas": None}


def model_index(scheduler):
    parts = {"scheduler": ["diffusers", scheduler], "text_encoder": ["transformers", "CLIPTextModel"],
             "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"], "feature_extractor": [None, None], "safety_checker": [None, None]}
    return {"_class_name": "StableDiffusionPipeline", "_diffusers_version": VERSION, **parts}


def clip_vocabulary(archive):
    """vocab.json and merges.txt of CLIP's bpe_simple_vocab_16e6.txt.gz."""
    try:
        with gzip.open(archive, "rt", encoding="utf-8") as text:
            merges = text.read().split("\n")[1:49152 - 256 - 2 + 1]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        sys.exit(f"--vocabulary {archive}: {error}; accepted: a folder with vocab.json and merges.txt, or "
                 "bpe_simple_vocab_16e6.txt.gz")
    own = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in own]
    symbols = [chr(byte) for byte in own] + [chr(0x100 + place) for place in range(len(others))]
    pieces = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(line.split()) for line in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    return {piece: place for place, piece in enumerate(pieces)}, "\n".join(["#version: 0.2", *merges, ""])


def write_json(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(folder, vocabulary, pad, length):
    folder.mkdir(parents=True, exist_ok=True)
    if vocabulary.is_dir():
        names = [name for name in ("vocab.json", "merges.txt", "tokenizer.json") if (vocabulary / name).is_file()]
        if "tokenizer.json" not in names and len(names) != 2:
            sys.exit(f"{vocabulary}: neither vocab.json and merges.txt nor tokenizer.json")
        for name in names:
            shutil.copyfile(vocabulary / name, folder / name)
    else:
        ids, merges = clip_vocabulary(vocabulary)
        write_json(folder / "vocab.json", ids)
        (folder / "merges.txt").write_text(merges, encoding="utf-8")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
               "pad_token": pad}
    write_json(folder / "special_tokens_map.json", special)
    write_json(folder / "tokenizer_config.json",
               {**special, "model_max_length": length, "tokenizer_class": "CLIPTokenizer", "do_lower_case": True})


def with_chosen_unet(tensors, weights):
    """The UNet's tensors: of two, the average (whose keys have no dots) unless the other one is asked for."""
    online, average = under(UNET, tensors), under("model_ema.diffusion_model", tensors)
    if weights == "ema" and not average:
        sys.exit("--weights ema: the checkpoint has one UNet")
    if not average or weights == "online":
        return online, "the only UNet" if not average else "the UNet as trained"
    dotless = {key.replace(".", ""): key for key in online}
    return {dotless[key]: value for key, value in average.items() if key in dotless}, "the UNet's moving average"


def convert(tensors, folder, options, write):
    """Fills the folder; write(file, tensors) writes weights. Gives what to print."""
    second = any(key.startswith(OPEN_CLIP) for key in tensors)
    if not second and not any(key.startswith(CLIP) for key in tensors):
        sys.exit(f"{options.source}: no text encoder of Stable Diffusion 1 or 2 (no {CLIP}* nor {OPEN_CLIP}*); "
                 "SDXL and others are not built")
    if not options.vocabulary:
        sys.exit("a checkpoint holds no tokenizer: name one with --vocabulary, a folder with vocab.json and merges.txt "
                 "or CLIP's bpe_simple_vocab_16e6.txt.gz (in the Python package open-clip-torch)")
    if second and not options.prediction:
        sys.exit("what a Stable Diffusion 2 predicts is not in its weights: --prediction v_prediction for the models of "
                 "768 pixels, --prediction epsilon for those of 512 (base)")
    state, which = with_chosen_unet(tensors, options.weights)
    unet = Unet(state)
    vae, vae_config = vae_part(under(VAE, tensors))
    text = of_open_clip(under(OPEN_CLIP, tensors)) if second else {
        "text_model." + key: value for key, value in under(CLIP, tensors).items()
        if not key.endswith("position_ids")}
    config = text_config(text, "gelu" if second else "quick_gelu")
    write_tokenizer(folder / "tokenizer", options.vocabulary, "!" if second else "<|endoftext|>",
                    config["max_position_embeddings"])
    for part, stem, weights, described in (
            ("unet", "diffusion_pytorch_model", unet.state(), unet.config(options.heads, options.head_channels, options.prediction)),
            ("vae", "diffusion_pytorch_model", vae, vae_config), ("text_encoder", "model", text, config)):
        write_json(folder / part / "config.json", described)
        write(folder / part / f"{stem}.safetensors", weights)
    write_json(folder / "scheduler" / "scheduler_config.json", scheduler_config(options.prediction or "epsilon"))
    write_json(folder / "model_index.json", model_index("PNDMScheduler"))
    return f"Stable Diffusion {2 if second else 1}.x, {which}"
