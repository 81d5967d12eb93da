"""Every `assay metric` command's --json output is valid under docs/schemas/metric.schema.json, and its notes are the
lines on stderr.

usage: schema_test.py ASSAY SCHEMA; exit code 77 (skipped) without the jsonschema package.
"""
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import jsonschema
except ImportError:
    print("skipped: the Python package jsonschema is not installed")
    sys.exit(77)


def write_features(path, n, width, seed, logits=0, labels=False):
    numbers = random.Random(seed)
    tensors = {"features": ("F32", [n, width], struct.pack(f"<{n * width}f", *(numbers.gauss(0, 1) for _ in range(n * width))))}
    if logits:
        tensors["logits"] = ("F32", [n, logits], struct.pack(f"<{n * logits}f", *(numbers.gauss(0, 1) for _ in range(n * logits))))
    if labels:
        tensors["labels"] = ("I64", [n], struct.pack(f"<{n}q", *(i % 3 for i in range(n))))
    header, data = {}, b""
    for name, (dtype, shape, part) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_grey_png(path, width, height, value):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(value(x, y) for x in range(width)) for y in range(height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def without_repetition(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key stands twice: {keys}"
    return dict(pairs)


def main():
    binary = sys.argv[1]
    schema = json.loads(pathlib.Path(sys.argv[2]).read_text(), object_pairs_hook=without_repetition)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, seed in (("ref", 1), ("a", 2), ("b", 3)):
            write_features(root / f"{name}.safetensors", 60, 4, seed, logits=5, labels=True)
        write_features(root / "few.safetensors", 7, 4, 4, labels=True)
        for kind in ("prediction", "truth", "empty"):
            (root / kind).mkdir()
        for i in range(3):
            write_grey_png(root / "prediction" / f"{i}.png", 8, 6, lambda x, y: 30 * x)
            write_grey_png(root / "truth" / f"{i}.png", 8, 6, lambda x, y: 255 * ((x + i) % 3 == 0))
            write_grey_png(root / "empty" / f"{i}.png", 8, 6, lambda x, y: 0)
        (root / "boxes.json").write_text('{"a": [0, 0, 4, 4], "b": [1, 1, 2, 2]}')
        (root / "true.json").write_text('{"a": [[0, 0, 4, 5]], "b": [[7, 7, 9, 9]]}')
        (root / "clusters.txt").write_text("".join(f"{i % 4}\n" for i in range(40)))
        (root / "labels.txt").write_text("".join(f"{i % 3 - 1}\n" for i in range(40)))

        generative = "fid-tf1,fid-sg3,fid-infinity,sfid-oai,fd-small,kid-seed2020,prdc5,pr-tf,pr-oai,is-tf10,is-oai5000"
        sets = ["--reference", "ref.safetensors", "--protocol", generative, "--kid-subset-size", "20"]
        commands = [
            ["generative", *sets, "--generated", "a.safetensors", "--per-class", "--tail", "thirds"],
            ["generative", "--reference", "ref.safetensors", "--generated", "few.safetensors", "--protocol", "fid-tf1,prdc5", "--per-class"],
            ["generative", *sets, "--generated", "a.safetensors", "--bootstrap", "0"],
            ["compare", *sets, "--a", "a.safetensors", "--b", "b.safetensors,ref.safetensors", "--swaps", "50"],
            ["explain", "--reference", "ref.safetensors", "--generated", "a.safetensors"],
            ["features", "--input", "a.safetensors", "--out", "shard0.safetensors"],
            ["features", "--input", "b.safetensors", "--out", "shard1.safetensors", "--first-index", "60"],
            ["merge", "shard0.safetensors", "shard1.safetensors", "--out", "all.safetensors"],
            ["merge", "shard1.safetensors", "--partial", "--out", "part.safetensors"],
            ["generative", "--reference", "ref.safetensors", "--generated", "all.safetensors", "--protocol", "fid-tf1"],
            ["saliency", "--prediction", "prediction", "--truth", "truth", "--protocol", "pysod,fan,tokencut,selfmask", "--per-image"],
            ["saliency", "--prediction", "empty", "--truth", "empty", "--protocol", "pysod,tokencut,selfmask,voc", "--per-image"],
            ["corloc", "--prediction", "boxes.json", "--truth", "true.json"],
            ["clustering", "--prediction", "clusters.txt", "--truth", "labels.txt", "--per-class"],
        ]
        for command in commands:
            run = subprocess.run([binary, "metric", *command, "--json"], cwd=root, capture_output=True, text=True)
            if run.returncode != 0:
                print(f"{' '.join(command)}: exit code {run.returncode}: {run.stderr}")
                faults += 1
                continue
            found = json.loads(run.stdout)
            for error in validator.iter_errors(found):
                print(f"{' '.join(command)}: {list(error.absolute_path)}: {error.message[:300]}")
                faults += 1
            said = [line.removeprefix("assay: ") for line in run.stderr.splitlines()]
            if said != found["notes"]:
                print(f"{' '.join(command)}: stderr and notes differ: {said} {found['notes']}")
                faults += 1
            names = [(row["protocol"], row["metric"], row.get("part", "")) for row in found["results"]]
            if len(names) != len(set(names)):
                print(f"{' '.join(command)}: two rows of one protocol, metric and part")
                faults += 1
            for row in found["results"]:
                if row["value"] is not None and row["low"] is not None and not row["low"] <= row["value"] <= row["high"]:
                    print(f"{' '.join(command)}: value outside its interval: {row}")
                    faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
