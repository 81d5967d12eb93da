"""tools/convert_weights.py makes a folder in diffusers' layout of a Stable Diffusion checkpoint or of a folder of pickles.

tests/data/checkpoints/stable_diffusion_keys.json has the keys of UNet and VAE of a small Stable Diffusion 1 in the
original layout, with shapes, and the names that diffusers' own converters give them. Exit code 77 (skipped) without torch.
"""
import contextlib
import importlib.util
import io
import json
import struct
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

try:
    import torch
except ImportError:
    print("skipped: the Python package torch is not installed")
    sys.exit(77)

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("convert_weights", ROOT / "tools" / "convert_weights.py")
convert_weights = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert_weights)

KEYS = json.loads((ROOT / "tests" / "data" / "checkpoints" / "stable_diffusion_keys.json").read_text())["keys"]
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_safetensors(file):
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def networks():
    generator = torch.Generator().manual_seed(0)
    return {original: torch.randn(shape, generator=generator) for original, _, shape in KEYS}


def clip_text(prefix):
    layer = {"layer_norm1.weight": (64,), "mlp.fc1.weight": (96, 64), "self_attn.q_proj.weight": (64, 64)}
    shapes = {"embeddings.token_embedding.weight": (514, 64), "embeddings.position_embedding.weight": (12, 64)}
    shapes.update({f"encoder.layers.{i}.{key}": shape for i in range(2) for key, shape in layer.items()})
    return {prefix + key: torch.randn(shape) for key, shape in shapes.items()}


def open_clip():
    prefix = "cond_stage_model.model."
    layer = {"ln_1.weight": (64,), "attn.in_proj_weight": (192, 64), "attn.in_proj_bias": (192,),
             "attn.out_proj.bias": (64,), "mlp.c_fc.weight": (96, 64), "mlp.c_proj.bias": (64,)}
    shapes = {"token_embedding.weight": (514, 64), "positional_embedding": (12, 64), "ln_final.weight": (64,),
              "ln_final.bias": (64,), "text_projection": (64, 64), "logit_scale": ()}
    shapes.update({f"transformer.resblocks.{i}.{key}": shape for i in range(3) for key, shape in layer.items()})
    return {prefix + key: torch.randn(shape) for key, shape in shapes.items()}


class StableDiffusionLayoutTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.vocabulary = self.folder / "words"
        self.vocabulary.mkdir()
        (self.vocabulary / "vocab.json").write_text("{}")
        (self.vocabulary / "merges.txt").write_text("")

    def run_tool(self, *arguments):
        out = io.StringIO()
        with mock.patch.object(sys, "argv", ["convert_weights.py", *map(str, arguments)]), contextlib.redirect_stdout(out):
            convert_weights.main()
        return out.getvalue()

    def refusal(self, *arguments):
        with self.assertRaises(SystemExit) as caught:
            self.run_tool(*arguments)
        return str(caught.exception)

    def checkpoint(self, tensors):
        file = self.folder / "model.ckpt"
        torch.save({"state_dict": tensors, "global_step": 7}, file)
        return file

    def converted(self, tensors, *options):
        self.said = self.run_tool("--vocabulary", self.vocabulary, *options, self.checkpoint(tensors), self.folder / "out")
        return self.folder / "out"

    def test_every_key_gets_the_name_that_diffusers_gives_it(self):
        tensors = networks()
        out = self.converted({**tensors, **clip_text("cond_stage_model.transformer.text_model."),
                              "betas": torch.rand(10)})
        got = {part: read_safetensors(out / part / "diffusion_pytorch_model.safetensors") for part in ("unet", "vae")}
        self.assertEqual(sum(map(len, got.values())), len(KEYS))
        for original, name, _ in KEYS:
            part = got["unet" if original.startswith("model.") else "vae"]
            self.assertTrue(torch.equal(part[name].flatten(), tensors[original].flatten()), name)
        self.assertEqual(got["vae"]["encoder.mid_block.attentions.0.to_q.weight"].dim(), 2)

    def test_configurations_are_read_off_the_weights(self):
        out = self.converted({**networks(), **clip_text("cond_stage_model.transformer.text_model.")})
        unet = json.loads((out / "unet" / "config.json").read_text())
        self.assertEqual(unet["block_out_channels"], [32, 64, 64])
        self.assertEqual(unet["down_block_types"], ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"])
        self.assertEqual(unet["up_block_types"], ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"])
        self.assertEqual((unet["layers_per_block"], unet["cross_attention_dim"], unet["attention_head_dim"]), (1, 64, 8))
        vae = json.loads((out / "vae" / "config.json").read_text())
        self.assertEqual((vae["block_out_channels"], vae["latent_channels"]), ([32, 64, 64], 4))
        text = json.loads((out / "text_encoder" / "config.json").read_text())
        self.assertEqual((text["hidden_act"], text["num_hidden_layers"], text["vocab_size"]), ("quick_gelu", 2, 514))
        tokenizer = json.loads((out / "tokenizer" / "tokenizer_config.json").read_text())
        self.assertEqual((tokenizer["pad_token"], tokenizer["model_max_length"]), ("<|endoftext|>", 12))
        self.assertTrue((out / "model_index.json").is_file())

    def test_open_clip_loses_its_last_layer(self):
        tower = open_clip()
        out = self.converted({**networks(), **tower}, "--prediction", "v_prediction")
        text = read_safetensors(out / "text_encoder" / "model.safetensors")
        self.assertEqual({key.split(".")[3] for key in text if ".layers." in key}, {"0", "1"})
        whole = tower["cond_stage_model.model.transformer.resblocks.1.attn.in_proj_weight"]
        for name, third in zip("qkv", whole.split(64)):
            self.assertTrue(torch.equal(text[f"text_model.encoder.layers.1.self_attn.{name}_proj.weight"], third))
        self.assertEqual(json.loads((out / "tokenizer" / "tokenizer_config.json").read_text())["pad_token"], "!")
        scheduler = json.loads((out / "scheduler" / "scheduler_config.json").read_text())
        self.assertEqual(scheduler["prediction_type"], "v_prediction")
        self.assertEqual(json.loads((out / "unet" / "config.json").read_text())["sample_size"], 96)

    def test_a_second_base_model_draws_as_many_pixels_as_it_was_trained_on(self):
        out = self.converted({**networks(), **open_clip()}, "--prediction", "epsilon")
        self.assertEqual(json.loads((out / "unet" / "config.json").read_text())["sample_size"], 64)

    def test_the_sides_of_stable_diffusion_2_are_those_of_what_it_predicts(self):
        sides = {}
        for prediction in ("epsilon", "v_prediction"):
            out = self.folder / prediction
            self.run_tool("--vocabulary", self.vocabulary, "--prediction", prediction,
                          self.checkpoint({**networks(), **open_clip()}), out)
            sides[prediction] = json.loads((out / "unet" / "config.json").read_text())["sample_size"]
        self.assertEqual(sides, {"epsilon": 64, "v_prediction": 96})

    def test_a_refusal_leaves_no_folder_behind(self):
        text = clip_text("cond_stage_model.transformer.text_model.")
        unet = {key: value for key, value in networks().items() if key.startswith("model.")}
        said = self.refusal("--vocabulary", self.vocabulary, self.checkpoint({**unet, **text}), self.folder / "out")
        self.assertIn("lacks 'encoder.conv_in.weight'", said)
        said = self.refusal("--vocabulary", self.folder / "none", self.checkpoint({**networks(), **text}),
                            self.folder / "out")
        self.assertIn("bpe_simple_vocab_16e6.txt.gz", said)
        source = self.folder / "hub"
        (source / "unet").mkdir(parents=True)
        (source / "model_index.json").write_text("{}")
        shard = source / "unet" / "diffusion_pytorch_model-00001-of-00003.bin"
        torch.save({"w": torch.ones(2)}, shard)
        said = self.refusal(source, self.folder / "out")
        self.assertIn("diffusion_pytorch_model-00002-of-00003.bin, diffusion_pytorch_model-00003-of-00003.bin", said)
        torch.save({"v": torch.ones(2)}, shard.with_name("diffusion_pytorch_model-00002-of-00003.bin"))
        shard.unlink()
        self.assertIn("00001-of-00003.bin", self.refusal(source, self.folder / "out"))
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"words", "hub", "model.ckpt"})

    def test_what_is_a_repositorys_own_is_not_copied(self):
        source = self.folder / "hub"
        (source / ".git").mkdir(parents=True)
        (source / ".git" / "config").write_text("")
        (source / "model_index.json").write_text("{}")
        torch.save({"w": torch.ones(2)}, source / "diffusion_pytorch_model.bin")
        self.run_tool(source, self.folder / "out")
        self.assertEqual({path.name for path in (self.folder / "out").iterdir()},
                         {"model_index.json", "diffusion_pytorch_model.safetensors"})

    def test_of_two_unets_the_average_is_taken_unless_asked(self):
        tensors, text = networks(), clip_text("cond_stage_model.transformer.text_model.")
        prefix = "model.diffusion_model."
        average = {"model_ema." + key[len("model."):].replace(".", ""):
                   value + 1 for key, value in tensors.items() if key.startswith(prefix)}
        out = self.converted({**tensors, **average, **text})
        self.assertIn("moving average", self.said)
        got = read_safetensors(out / "unet" / "diffusion_pytorch_model.safetensors")["conv_in.bias"]
        self.assertTrue(torch.equal(got, tensors[prefix + "input_blocks.0.0.bias"] + 1))

    def test_a_folder_of_pickles_is_copied_in_the_same_precision(self):
        source = self.folder / "hub"
        (source / "unet").mkdir(parents=True)
        (source / "text_encoder").mkdir()
        (source / "model_index.json").write_text("{}")
        (source / "unet" / "config.json").write_text('{"a": 1}')
        torch.save({"w": torch.tensor([1.5, -2]).half(), "ids": torch.arange(3)},
                   source / "unet" / "diffusion_pytorch_model.fp16.bin")
        for part in (1, 2):
            torch.save({f"w{part}": torch.full((2,), float(part))},
                       source / "text_encoder" / f"pytorch_model-0000{part}-of-00002.bin")
        (source / "text_encoder" / "pytorch_model.bin.index.json").write_text("{}")
        self.run_tool(source, self.folder / "out")
        unet = read_safetensors(self.folder / "out" / "unet" / "diffusion_pytorch_model.fp16.safetensors")
        self.assertEqual(list(unet), ["w"])
        self.assertEqual(unet["w"].dtype, torch.float16)
        text = read_safetensors(self.folder / "out" / "text_encoder" / "model.safetensors")
        self.assertEqual({key: value.tolist() for key, value in text.items()}, {"w1": [1, 1], "w2": [2, 2]})
        self.assertEqual((self.folder / "out" / "unet" / "config.json").read_text(), '{"a": 1}')

    def test_refusals_say_what_is_missing(self):
        tensors = networks()
        file = self.checkpoint({**tensors, **open_clip()})
        out = self.folder / "out"
        self.assertIn("--vocabulary", self.refusal(file, out))
        self.assertIn("--prediction", self.refusal("--vocabulary", self.vocabulary, file, out))
        self.assertIn("no text encoder", self.refusal("--vocabulary", self.vocabulary, self.checkpoint(tensors), out))
        self.assertIn("no checkpoint of Stable Diffusion", self.refusal(self.checkpoint({"a": torch.zeros(2)}), out))
        self.assertIn("no model_index.json", self.refusal(self.folder, out))
        self.assertIn("is there already", self.refusal(file, self.folder))


if __name__ == "__main__":
    unittest.main()
