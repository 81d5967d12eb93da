"""tools/ship_network.py takes a trained network out of a store as the program reads it, and refuses what is not whole."""
import importlib.util
import io
import json
import sqlite3
import struct
import tempfile
import unittest
import zlib
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

spec = importlib.util.spec_from_file_location(
    "ship_network", Path(__file__).resolve().parents[2] / "tools" / "ship_network.py")
ship_network = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ship_network)

CONFIG = {"networks": "shared", "parts": ["guidance"], "uncond_model": False, "clusters": [3]}
IDENTITY = {"what": "self_guided denoiser", "train": {"steps": 6, "batch": 4}, "seed": 0}
COMMAND = "assay run self_guided --tier long --store '/some where/a.db' --set 'parts=[\"guidance\"]'"


def safetensors(metadata, tensors):
    header, data = {"__metadata__": metadata}, b""
    for name, (kind, shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Store:
    """A store as a run leaves it, of which each test spoils one thing."""

    def __init__(self, folder):
        self.folder, self.config, self.method = Path(folder), dict(CONFIG), "self_guided"
        self.items, self.metadata = 24, {"identity": json.dumps(IDENTITY), "loss": "[2.0,1.0]"}
        self.weights = {"model.w": ("F32", [3], floats(9, 9, 9)), "ema.w": ("F32", [3], floats(1, -0.5, 2.0001)),
                        "ema.b": ("F32", [1], floats(1e-3))}

    def ship(self, *, run=1):
        """(what it says, the file it makes)"""
        (self.folder / "cache").mkdir()
        (self.folder / "cache" / "net.safetensors").write_bytes(safetensors(self.metadata, self.weights))
        ids = {"self_label_k3": ("I64", [2], struct.pack("<2q", 2, 0)),
               "self_label_k3/validation": ("I64", [1], struct.pack("<q", 1))}
        (self.folder / "clusters.safetensors").write_bytes(safetensors({}, ids))
        with sqlite3.connect(self.folder / "a.db") as store:
            store.executescript("""
                CREATE TABLE batch (id, command);
                CREATE TABLE run (id, batch, method, dataset, config, code_version, libraries, machine, started_at);
                CREATE TABLE artifact (run, stage, name, path);
                CREATE TABLE timing (run, stage, op, seconds, items, threads);
            """)
            store.execute("INSERT INTO batch VALUES (7, ?)", (COMMAND,))
            store.execute("INSERT INTO run VALUES (1, 7, ?, 'emoji', ?, '0.1.0+abc', '{}', ?, '2026-12-01T00:00:00Z')",
                          (self.method, json.dumps(self.config), json.dumps({"cpu": "A CPU", "os": "its own"})))
            store.execute("INSERT INTO artifact VALUES (1, 'clusters', 'clusters', 'clusters.safetensors')")
            store.execute("INSERT INTO artifact VALUES (1, 'train:shared', 'denoiser shared', 'cache/net.safetensors')")
            store.execute("INSERT INTO timing VALUES (1, 'train:shared', 'train_step', 5400, ?, 1)", (self.items,))
        target = self.folder / "out" / "net.safetensors"
        words = ["ship_network.py", "--store", str(self.folder / "a.db"), "--run", str(run), "--learned-from",
                 "a font, its licence", str(target)]
        said = io.StringIO()
        with mock.patch("sys.argv", words), redirect_stdout(said):
            ship_network.main()
        return said.getvalue(), target


class ShipNetwork(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store = Store(folder.name)

    def refusal(self, **options):
        with self.assertRaises(SystemExit) as refused:
            self.store.ship(**options)
        self.assertEqual(len(str(refused.exception).splitlines()), 1)
        return str(refused.exception)

    def test_keeps_the_average_in_half_precision_and_every_id(self):
        said, target = self.store.ship()
        metadata, tensors = ship_network.read_safetensors(target)
        self.assertEqual(sorted(tensors), ["ema.b", "ema.w", "ids.self_label_k3", "ids.self_label_k3/validation"])
        kind, shape, content = tensors["ema.w"]
        self.assertEqual((kind, shape, struct.unpack("<3e", content)), ("F16", [3], (1.0, -0.5, 2.0)))
        self.assertEqual(tensors["ids.self_label_k3"], ("I64", [2], struct.pack("<2q", 2, 0)))
        self.assertIn("by at most 0.0001", said)
        data = target.read_bytes()
        begin = 8 + struct.unpack("<Q", data[:8])[0]
        self.assertEqual(begin % 8, 0)
        self.assertEqual(metadata["checksum"], f"{zlib.crc32(data[begin:]):08x}")

    def test_says_how_the_network_was_made_without_the_places_of_one_machine(self):
        metadata, _ = ship_network.read_safetensors(self.store.ship()[1])
        self.assertEqual(metadata["command"], "assay run self_guided --tier long --set 'parts=[\"guidance\"]'")
        self.assertEqual(json.loads(metadata["identity"]), IDENTITY)
        self.assertEqual(json.loads(metadata["config"]), CONFIG)
        self.assertEqual((metadata["hours"], metadata["threads"], metadata["machine"]), ("1.5", "1", "A CPU"))
        self.assertEqual((metadata["loss"], metadata["dataset"], metadata["made"]), ("[2.0,1.0]", "emoji", "2026-12-01"))
        self.assertEqual(metadata["learned_from"], "a font, its licence")

    def test_refuses_what_is_not_one_whole_training(self):
        for spoil, message in [
            (lambda s: s.config.update(networks="separate"), 'has networks = "separate"; accepted: "shared"'),
            (lambda s: s.config.update(parts=["guidance", "layouts"]), 'accepted: ["guidance"]'),
            (lambda s: s.config.update(pretrained="net"), "trained no network: it took net"),
            (lambda s: setattr(s, "items", 20), "did not make all 6 steps in one go"),
            (lambda s: setattr(s, "method", "ed_dpm"), "run 1 is of ed_dpm; accepted: self_guided"),
            (lambda s: s.metadata.pop("loss"), "not a checkpoint of a finished training: no 'loss'"),
            (lambda s: s.weights.update({"ema.w": ("F32", [1], floats(7e4))}), "ema.w: has numbers above 65,504"),
            (lambda s: s.weights.update({"ema.w": ("F32", [1], floats(float("nan")))}), "ema.w: has numbers that are not"),
            (lambda s: s.weights.update({"ema.w": ("F32", [2**21], bytes(2**23))}), "at most 4,194,304 may be shipped"),
        ]:
            with self.subTest(message=message), tempfile.TemporaryDirectory() as folder:
                self.store = Store(folder)
                spoil(self.store)
                self.assertIn(message, self.refusal())

    def test_names_a_run_that_is_not_there(self):
        self.assertIn("no run 2", self.refusal(run=2))


if __name__ == "__main__":
    unittest.main()
