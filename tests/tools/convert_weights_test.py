"""tools/convert_weights.py writes the tensors of the network that was asked for, and refuses what is unclear.

The files are laid out as the trainers of jiachenlei/maskdm and baofff/U-ViT write them. Exit code 77 (skipped) without
torch.
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


class ConvertWeights(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.source = Path(self.folder.name) / "model-7.pt"
        self.target = Path(self.folder.name) / "out.safetensors"

    def convert(self, *options):
        """Why the tool ended early, or an empty text."""
        words = ["convert_weights.py", *options, str(self.source), str(self.target)]
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(io.StringIO()):
            try:
                convert_weights.main()
            except SystemExit as end:
                return str(end.code)
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
        torch.save({"model": {"unet.weight": torch.rand(2)}, "ema": {"step": torch.tensor([1])}}, self.source)
        self.assertIn("begins with 'ema_model.model.'", self.convert("--weights", "ema"))

    def test_what_is_no_checkpoint_is_refused_in_one_line(self):
        self.source.write_bytes(b"not a checkpoint")
        message = self.convert()
        self.assertIn("not a PyTorch state_dict", message)
        self.assertNotIn("\n", message)


if __name__ == "__main__":
    unittest.main()
