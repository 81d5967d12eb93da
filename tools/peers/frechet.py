#!/usr/bin/env python3
"""Times the Fréchet distance of `assay metric generative` beside pytorch-fid and torch-fidelity.

    OMP_NUM_THREADS=2 python tools/peers/frechet.py [--width 2048] [--samples 10000,256] [--repetitions 5]

Needs numpy, scipy < 1.18, torch, pytorch-fid and torch-fidelity. Each repetition runs every program once, in turn, on
the same features and with the same number of threads; the table shows medians, and the ratio of medians. Times cover
covariances and distance, from features in memory; ours come from the program's own clock (`seconds` under --json).
"""
import argparse
import contextlib
import io
import json
import os
import pathlib
import statistics
import struct
import subprocess
import tempfile
import time

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

root = pathlib.Path(__file__).resolve().parents[2]


def write_safetensors(path, features):
    header = json.dumps({"features": {"dtype": "F32", "shape": features.shape,
                                      "data_offsets": [0, features.nbytes]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + features.tobytes())


def draw(rng, samples, width, shift):
    """Correlated, with variances falling over two orders of magnitude, as features of networks do."""
    scales = np.geomspace(1.0, 0.1, width)
    mixed = rng.standard_normal((samples, width)) * scales
    return (mixed + 0.3 * np.roll(mixed, 1, axis=1) + shift).astype(np.float32)


def ours(binary, folder):
    run = subprocess.run([binary, "metric", "generative", "--reference", folder / "reference.safetensors", "--generated",
                          folder / "generated.safetensors", "--protocol", "fid-tf1", "--bootstrap", "0", "--json"],
                         check=True, capture_output=True, text=True)
    found = json.loads(run.stdout)
    row = found["results"][0]
    return row["value"], found["seconds"]["fid-tf1"], row["route"]


def pytorch_fid(reference, generated):
    moments = [(np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in (reference, generated)]
    with contextlib.redirect_stdout(io.StringIO()):
        return calculate_frechet_distance(*moments[0], *moments[1])


def torch_fidelity(reference, generated):
    moments = [fid_features_to_statistics(torch.from_numpy(x)) for x in (reference, generated)]
    return fid_statistics_to_metric(*moments, False)["frechet_inception_distance"]


def nuclear_norm(reference, generated):
    """The definition without squaring anything: singular values of the product of the centred features."""
    factors = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (reference, generated)]
    difference = reference.mean(0) - generated.mean(0)
    if max(len(x) for x in factors) > 4 * factors[0].shape[1]:
        factors = [np.linalg.qr(x, mode="r") for x in factors]
    root_trace = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    return difference @ difference + sum((f * f).sum() for f in factors) - 2 * root_trace


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=root / "build/bin/assay")
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--samples", default="10000,256")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", torch.get_num_threads())))
    print(f"width {options.width}, threads {torch.get_num_threads()}, repetitions {options.repetitions}")
    print(f"{'samples':>8} {'program':<16} {'seconds':>9} {'ratio':>7} {'value':>20} {'relative error':>15}")
    for samples in map(int, options.samples.split(",")):
        rng = np.random.default_rng(0)
        sets = [draw(rng, samples, options.width, shift) for shift in (0.0, 0.02)]
        doubles = [x.astype(np.float64) for x in sets]
        exact = nuclear_norm(*doubles)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for x, side in zip(sets, ("reference", "generated")):
                write_safetensors(folder / f"{side}.safetensors", x)
            seconds, values = {"assay": [], "torch-fidelity": [], "pytorch-fid": []}, {}
            for _ in range(options.repetitions):
                values["assay"], used, route = ours(options.binary, folder)
                seconds["assay"].append(used)
                for peer, score in (("torch-fidelity", torch_fidelity), ("pytorch-fid", pytorch_fid)):
                    start = time.perf_counter()
                    values[peer] = score(*doubles)
                    seconds[peer].append(time.perf_counter() - start)
        base = statistics.median(seconds["assay"])
        for program, taken in seconds.items():
            median = statistics.median(taken)
            label = f"assay, {route}" if program == "assay" else program
            print(f"{samples:>8} {label:<16} {median:>9.4f} {median / base:>7.1f} {values[program]:>20.13g} "
                  f"{abs(values[program] - exact) / exact:>15.1e}", flush=True)


if __name__ == "__main__":
    main()
