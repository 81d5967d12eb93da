#!/usr/bin/env python3
"""Makes a network that comes with the program from a run of self_guided that trained one.

    tools/ship_network.py --store long/assay.db --run 1 --learned-from "..." \\
        reproductions/self_guided/pretrained/NAME.safetensors

Takes the checkpoint and the clusters of the run, which the store names: the moving average of the weights, rounded to
half precision, and the cluster of every image. Writes with them what they were made by and the loss of the training.
The run may be unfinished, as long as its network is trained. `--learned-from` says what the weights were learned from,
whose it is and under which licence. Needs Python alone.
"""
import argparse
import array
import contextlib
import json
import math
import os
import shlex
import sqlite3
import struct
import sys
import zlib
from pathlib import Path

LARGEST = 4 * 1024 * 1024  # bytes of a file: tools/check_files.sh


def refuse(place, why):
    sys.exit(f"{place}: {why}")


def read_safetensors(file):
    """(metadata, {name: (type, shape, bytes)}) of a file of ours."""
    try:
        data = file.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        metadata = header.pop("__metadata__", {})
        tensors = {}
        for name, entry in header.items():
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            if end > len(data):
                refuse(file, f"'{name}' goes beyond its end: truncated?")
            tensors[name] = (entry["dtype"], entry["shape"], data[begin:end])
        return metadata, tensors
    except OSError as error:
        refuse(file, error.strerror)
    except (struct.error, ValueError, KeyError, TypeError):
        refuse(file, "not a safetensors file of ours")


def write_safetensors(file, metadata, tensors):
    """Larger elements first, so that each tensor is aligned; returns the size."""
    order = sorted(tensors, key=lambda name: (tensors[name][0] != "I64", name))
    data = b"".join(tensors[name][2] for name in order)
    header, offset = {"__metadata__": {**metadata, "checksum": f"{zlib.crc32(data):08x}"}}, 0
    for name in order:
        kind, shape, content = tensors[name]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + len(content)]}
        offset += len(content)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    content = struct.pack("<Q", len(text)) + text + data
    if len(content) > LARGEST:
        refuse(file, f"would have {len(content):,} bytes; at most {LARGEST:,} may be shipped")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    os.replace(part, file)
    return len(content)


def to_half(name, content):
    """Float32 numbers as float16, and the largest error beside the largest number."""
    values = array.array("f", content)
    if sys.byteorder != "little":
        values.byteswap()
    if not all(map(math.isfinite, values)):
        refuse(name, "has numbers that are not finite")
    try:
        half = struct.pack(f"<{len(values)}e", *values)
    except OverflowError:
        refuse(name, "has numbers above 65,504, which half precision cannot hold")
    back = struct.unpack(f"<{len(values)}e", half)
    return half, max((abs(a - b) for a, b in zip(values, back)), default=0.0)


def command_of(recorded):
    """The command as anyone would type it: without the place of the results, which decides nothing."""
    words = shlex.split(recorded)
    kept, skip = ["assay"], False
    for word in words[1:]:
        if not skip and not word.startswith("--store="):
            if word != "--store":
                kept.append(word)
        skip = not skip and word == "--store"
    return shlex.join(kept)


def row(connection, query, *values):
    found = connection.execute(query, values).fetchone()
    return dict(found) if found else None


def read_run(store, run):
    if not store.is_file():
        refuse(store, "no such store")
    try:
        with contextlib.closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = row(connection, "SELECT run.*, batch.command FROM run JOIN batch ON batch.id = run.batch "
                                    "WHERE run.id = ?", run)
            if found is None:
                refuse(store, f"no run {run}")
            if found["method"] != "self_guided":
                refuse(store, f"run {run} is of {found['method']}; accepted: self_guided")
            artifact = "SELECT path FROM artifact WHERE run = ? AND stage = ? AND name = ?"
            for key, stage, name in (("checkpoint", "train:shared", "denoiser shared"),
                                     ("clusters", "clusters", "clusters")):
                path = row(connection, artifact, run, stage, name)
                if path is None:
                    refuse(store, f"run {run} has no {key} yet; accepted: a run with `networks: shared` that has "
                                  f"recorded stage {stage}")
                found[key] = store.parent / path["path"]
            found["timing"] = row(connection, "SELECT seconds, items, threads FROM timing WHERE run = ? AND "
                                              "stage = 'train:shared' AND op = 'train_step'", run)
            return found
    except sqlite3.Error as error:
        refuse(store, f"not a store that can be read ({error})")


def facts_of(run, checkpoint, learned_from, store):
    """The metadata of the shipped file."""
    config, identity = json.loads(run["config"]), json.loads(checkpoint["identity"])
    if config.get("pretrained"):
        refuse(store, f"run {run['id']} trained no network: it took {config['pretrained']}")
    whole = {"networks": "shared", "parts": ["guidance"], "uncond_model": False}
    for key, value in whole.items():
        if config.get(key) != value:
            refuse(store, f"run {run['id']} has {key} = {json.dumps(config.get(key))}; accepted: {json.dumps(value)}, "
                          "so that one network is all it trained")
    train = identity["train"]
    timing = run["timing"]
    if timing is None or timing["items"] != train["steps"] * train["batch"]:
        refuse(store, f"run {run['id']} did not make all {train['steps']} steps in one go, so that its hours are not "
                      "known; train anew without a stop")
    machine = json.loads(run["machine"])
    return {"what": "self_guided shipped denoiser", "identity": checkpoint["identity"], "config": run["config"],
            "loss": checkpoint["loss"], "command": command_of(run["command"]),
            "hours": f"{timing['seconds'] / 3600:.1f}", "threads": str(timing["threads"]), "machine": machine["cpu"],
            "code_version": run["code_version"], "libraries": run["libraries"], "made": run["started_at"][:10],
            "dataset": run["dataset"], "learned_from": learned_from}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, metavar="NAME.safetensors")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--learned-from", required=True, metavar="TEXT", help="what, whose, under which licence")
    options = parser.parse_args()
    run = read_run(options.store, options.run)
    checkpoint, weights = read_safetensors(run["checkpoint"])
    _, clusters = read_safetensors(run["clusters"])
    for key in ("identity", "loss"):
        if key not in checkpoint:
            refuse(run["checkpoint"], f"not a checkpoint of a finished training: no '{key}'")
    tensors = {f"ids.{name}": entry for name, entry in clusters.items()}
    largest = 0.0
    for name, (kind, shape, content) in weights.items():
        if name.startswith("ema."):
            if kind != "F32":
                refuse(run["checkpoint"], f"'{name}' is {kind}, expected F32")
            half, error = to_half(name, content)
            tensors[name] = ("F16", shape, half)
            largest = max(largest, error)
    if not any(name.startswith("ema.") for name in tensors):
        refuse(run["checkpoint"], "has no moving average of the weights")
    size = write_safetensors(options.target, facts_of(run, checkpoint, options.learned_from, options.store), tensors)
    print(f"{options.target}: {size:,} bytes, {len(tensors)} tensors; rounding moved a weight by at most {largest:.2g}")


if __name__ == "__main__":
    main()
