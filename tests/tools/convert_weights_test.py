"""tools/convert_weights.py writes the tensors of the network that was asked for, and refuses what is unclear.

The files are laid out as the trainers of jiachenlei/maskdm, baofff/U-ViT, facebookresearch/dino and dinov2, timm,
lucidrains, Lightning and latent diffusion write them. Exit code 77 (skipped) without torch.
"""
import argparse
import collections
import contextlib
import importlib.util
import io
import json
import os
import struct
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

try:
    import torch
except ImportError:
    print("skipped: the Python package torch is not installed")
    sys.exit(77)

# In this process: torch takes seconds to start.
spec = importlib.util.spec_from_file_location(
    "convert_weights", Path(__file__).resolve().parents[2] / "tools" / "convert_weights.py")
convert_weights = importlib.util.module_from_spec(spec)
spec.loader.exec_module(convert_weights)


def read_safetensors(file):
    data = file.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).reshape(entry["shape"])
    return tensors, metadata


def network(seed):
    """Some tensors of MaskDM's network."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"encoder.encoder_pos_embed": (1, 5, 8), "encoder.mid_block.attn.qkv.weight": (24, 8),
              "encoder_to_output.bias": (12,)}
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def training_state():
    schedule = {"betas": torch.rand(10), "alphas_cumprod": torch.rand(10)}
    under = lambda prefix, tensors: {prefix + key: value for key, value in tensors.items()}
    online, average = network(1), network(2)
    ema = {"initted": torch.tensor([True]), "step": torch.tensor([7])}
    for name, weights in (("online_model.", online), ("ema_model.", average)):
        ema.update(under(name, {**schedule, **under("model.", weights)}))
    optimiser = {"state": {0: {"step": torch.tensor(7.0), "exp_avg": torch.rand(3)}}, "param_groups": [{"lr": 1e-4}]}
    return {"step": 7, "model": {**schedule, **under("model.", online)}, "opt": optimiser, "ema": ema,
            "scaler": {"scale": 1024.0}}


def vit(seed):
    """Some tensors of a vision transformer."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"cls_token": (1, 1, 4), "patch_embed.proj.weight": (4, 3, 2, 2), "blocks.0.attn.qkv.bias": (12,)}
    return {key: torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def under(prefix, tensors):
    return {prefix + key: value for key, value in tensors.items()}


class Scalar:
    """An object of the trainer's own code, as the metrics beside a network are."""


class RunsCode:
    """Writes a file when it is unpickled with its own instructions."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (self.file,)


class ConvertWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.source = Path(self.folder.name) / "model-7.pt"
        self.target = Path(self.folder.name) / "out.safetensors"

    def convert(self, *options):
        """Why the tool ended early, or an empty text."""
        words = ["convert_weights.py", *options, str(self.source), str(self.target)]
        out = io.StringIO()
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(out):
            try:
                convert_weights.main()
            except SystemExit as end:
                return str(end.code)
        self.said = out.getvalue()
        return ""

    def assert_holds(self, wanted):
        tensors, metadata = read_safetensors(self.target)
        self.assertEqual(sorted(tensors), sorted(wanted))
        for key, value in wanted.items():
            self.assertTrue(torch.equal(tensors[key], value), key)
        return metadata

    def test_online_weights_of_a_training_state(self):
        torch.save(training_state(), self.source)
        self.assertEqual(self.convert("--weights", "online"), "")
        self.assertEqual(self.assert_holds(network(1))["weights"], "online")

    def test_averaged_weights_of_a_training_state(self):
        torch.save(training_state(), self.source)
        self.assertEqual(self.convert("--weights", "ema"), "")
        self.assertEqual(self.assert_holds(network(2))["weights"], "ema")

    def test_a_training_state_takes_a_choice(self):
        torch.save(training_state(), self.source)
        self.assertIn("two networks; choose --weights online", self.convert())
        self.assertFalse(self.target.exists())

    def test_a_state_dict_keeps_its_keys(self):
        weights = {"pos_embed": torch.randn(1, 5, 8), "final_layer.weight": torch.randn(3, 3, 3, 3).half()}
        torch.save(weights, self.source)
        self.assertEqual(self.convert(), "")
        self.assert_holds({key: value.float() for key, value in weights.items()})

    def test_a_state_dict_leaves_nothing_to_choose(self):
        torch.save({"pos_embed": torch.randn(1, 5, 8)}, self.source)
        self.assertIn("not a training state", self.convert("--weights", "ema"))

    def test_a_training_state_of_another_network_is_named(self):
        ema = under("ema_model.", {"unet.weight": torch.rand(2)})
        torch.save({"model": {"model.weight": torch.rand(2)}, "ema": ema}, self.source)
        self.assertIn("begins with 'ema_model.model.'", self.convert("--weights", "ema"))

    def test_a_training_state_of_lucidrains_trainer(self):
        ema = {"initted": torch.tensor([True]), "step": torch.tensor([7]), **under("ema_model.", vit(2))}
        torch.save({"step": 7, "model": vit(1), "ema": ema, "opt": {"param_groups": []}, "version": "2.1"}, self.source)
        self.assertEqual(self.convert("--weights", "ema"), "")
        self.assert_holds(vit(2))

    def save_dino(self):
        """dino_deitsmall8_pretrain_full_checkpoint.pth: `args` and numbers are no tensors."""
        heads = lambda seed: under("head.", {"mlp.0.weight": torch.rand(2, 2), "last_layer.weight_v": torch.rand(2)})
        torch.save({"student": under("module.", {**under("backbone.", vit(1)), **heads(1)}),
                    "teacher": {**under("backbone.", vit(2)), **heads(2)},
                    "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}, "param_groups": [{"lr": 1e-4}]},
                    "epoch": 800, "args": argparse.Namespace(arch="vit_small", patch_size=8),
                    "best": Scalar(), "dino_loss": {"center": torch.rand(1, 4)}}, self.source)

    def test_of_dino_s_training_checkpoint_the_teacher_s_backbone_is_taken(self):
        self.save_dino()
        self.assertEqual(self.convert(), "")
        self.assertEqual(self.assert_holds(vit(2))["taken"], "teacher > backbone.*")
        self.assertIn("taken: teacher > backbone.*; --weights online takes 'student'", self.said)
        self.assertIn("head.* (2 tensors)", self.said)
        self.assertIn("optimizer", self.said)

    def test_of_dino_s_training_checkpoint_the_student_can_be_asked_for(self):
        self.save_dino()
        for choice in ("online", "student"):
            self.assertEqual(self.convert("--weights", choice), "")
            self.assertEqual(self.assert_holds(vit(1))["taken"], "student > module.* > backbone.*")
        self.assertIn("not a training state with such a network", self.convert("--weights", "generator"))

    def test_of_dinov2_s_training_checkpoint_the_teacher_is_taken(self):
        networks = {**under("student.backbone.", vit(1)), **under("teacher.backbone.", vit(2)),
                    **under("teacher.dino_head.", {"mlp.0.weight": torch.rand(2, 2)})}
        torch.save({"model": networks, "optimizer": {"param_groups": []}, "iteration": 9}, self.source)
        self.assertEqual(self.convert(), "")
        self.assert_holds(vit(2))
        self.assertEqual(self.convert("--weights", "online"), "")
        self.assert_holds(vit(1))
        torch.save({"teacher": under("backbone.", vit(3))}, self.source)
        self.assertEqual(self.convert(), "")
        self.assert_holds(vit(3))

    def test_state_dicts_inside_others_are_found(self):
        for name, state in [
            ("timm", {"epoch": 3, "arch": "vit", "state_dict": vit(1), "state_dict_ema": vit(2)}),
            ("timm, wrapped", {"state_dict": under("module.", vit(1)), "state_dict_ema": under("module.", vit(2))}),
            ("lightning", {"state_dict": under("model.", vit(2)), "hyper_parameters": {"lr": 1e-4}, "epoch": 1}),
            ("compiled", {"model": under("module._orig_mod.", vit(2))}),
            ("DiT", {"model": vit(1), "ema": vit(2), "opt": {"param_groups": [], "state": {0: {"m": torch.rand(1)}}},
                     "args": argparse.Namespace(model="DiT-XL/2")}),
            ("ema_pytorch", {"initted": torch.tensor(True), "step": torch.tensor(4), **under("online_model.", vit(1)),
                             **under("ema_model.", vit(2))}),
            ("latent diffusion", {"state_dict": {
                **under("model.", vit(1)), "betas": torch.rand(3),
                **under("model_ema.", {key.replace(".", ""): value for key, value in vit(2).items()})}}),
            ("ordered", collections.OrderedDict(vit(2))),
        ]:
            with self.subTest(layout=name):
                torch.save(state, self.source)
                self.assertEqual(self.convert(), "")
                self.assert_holds(vit(2))

    def test_a_whole_pickled_network_gives_its_state(self):
        network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        for file in (network, {"model": network, "epoch": 3}):
            torch.save(file, self.source)
            self.assertEqual(self.convert(), "")
            self.assert_holds({key: value for key, value in network.state_dict().items() if value.is_floating_point()})

    def test_networks_of_unknown_names_are_listed(self):
        torch.save({"generator_a": vit(1), "generator_b": vit(2)}, self.source)
        self.assertIn("holds generator_a, generator_b; choose one with --weights NAME", self.convert())
        self.assertEqual(self.convert("--weights", "generator_b"), "")
        self.assert_holds(vit(2))

    def test_an_average_without_names_is_not_taken_for_a_network(self):
        torch.save({"model": vit(1), "ema": {"decay": 0.999, "shadow_params": list(vit(2).values())}}, self.source)
        self.assertIn("not a training state with such a network", self.convert("--weights", "ema"))
        self.assertEqual(self.convert(), "")
        self.assertIn("left out: ema", self.said)

    def test_safetensors_lose_prefixes_and_half_precision(self):
        weights = {key: value.half().float() for key, value in vit(1).items()}
        entries, data = {}, b""
        for key, value in weights.items():
            half = bytes(value.half().view(torch.uint8).flatten().tolist())
            entries["module." + key] = {"dtype": "F16", "shape": list(value.shape),
                                        "data_offsets": [len(data), len(data) + len(half)]}
            data += half
        text = json.dumps(entries).encode()
        self.source = self.source.with_name("given.safetensors")
        self.source.write_bytes(struct.pack("<Q", len(text)) + text + data)
        self.assertEqual(self.convert(), "")
        self.assert_holds(weights)

    def test_nothing_in_a_file_is_run(self):
        made = Path(self.folder.name) / "made"
        torch.save({"model": vit(2), "metric": RunsCode(str(made))}, self.source)
        self.assertEqual(self.convert(), "")
        self.assert_holds(vit(2))
        self.assertFalse(made.exists())

    def test_the_old_format_of_torch_is_read(self):
        torch.save({"teacher": vit(2), "args": argparse.Namespace(lr=1)}, self.source,
                   _use_new_zipfile_serialization=False)
        self.assertEqual(self.convert(), "")
        self.assert_holds(vit(2))

    def test_what_is_no_checkpoint_is_named(self):
        for content, message in [(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
                                 (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
                                 (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"\x1f\x8b\x08", "unpack it first")]:
            self.source.write_bytes(content)
            self.assertIn(message, self.convert())
        torch.save({"state": {0: {"exp_avg": torch.rand(3)}}, "param_groups": [{"lr": 1e-4}]}, self.source)
        self.assertIn("the state of an optimiser", self.convert())
        for member, message in [("archive/constants.pkl", "TorchScript"), ("arr_0.npy", "a NumPy archive")]:
            with zipfile.ZipFile(self.source, "w") as archive:
                archive.writestr(member, b"")
            self.assertIn(message, self.convert())

    def test_what_is_no_checkpoint_is_refused_in_one_line(self):
        self.source.write_bytes(b"not a checkpoint")
        message = self.convert()
        self.assertIn("not a PyTorch state_dict", message)
        self.assertNotIn("\n", message)


if __name__ == "__main__":
    unittest.main()
