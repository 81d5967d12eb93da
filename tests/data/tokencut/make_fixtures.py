#!/usr/bin/env python3
"""TokenCut by its steps, written from the text alone (arXiv:2202.11539, section 3.2), with SciPy's dense solver of the
generalised eigenproblem. Writes cases.safetensors beside this file.

Needs: numpy, scipy, safetensors.    usage: make_fixtures.py
"""
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.linalg import eigh


def grow(inside, start, rows, columns):
    component, grown = {start}, True
    while grown:
        grown = False
        for p in range(rows * columns):
            r, c = divmod(p, columns)
            around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
            beside = any(0 <= a < rows and 0 <= b < columns and a * columns + b in component for a, b in around)
            if p not in component and inside[p] and beside:
                component.add(p)
                grown = True
    return component


def tokencut(features, rows, columns, patch, height, width, tau, epsilon, binary):
    """None where an answer hangs on a tie that rounding could turn."""
    f = features.astype(np.float64)
    f = f / np.linalg.norm(f, axis=1, keepdims=True)
    cosine = f @ f.T
    if np.abs(cosine - tau).min() < 1e-4:
        return None
    joined = cosine > tau
    w = np.where(joined, 1.0 if binary else cosine, epsilon)
    d = np.diag(w.sum(axis=1))
    values, vectors = eigh(d - w, d)
    x = vectors[:, 1]
    size = np.sort(np.abs(x))
    if (len(values) > 2 and values[2] - values[1] < 1e-3) or size[-1] - size[-2] < 1e-4 * size[-1]:
        return None
    seed = int(np.argmax(np.abs(x)))
    if x[seed] < 0:
        x = -x
    if np.abs(x - x.mean()).min() < 1e-4 * size[-1]:
        return None
    inside = x > x.mean()
    labels = np.zeros(rows * columns, np.int64)
    for p in range(rows * columns):
        if inside[p] and labels[p] == 0:
            labels[sorted(grow(inside, p, rows, columns))] = labels.max() + 1
    component = grow(inside, seed, rows, columns)
    ys, xs = [p // columns for p in component], [p % columns for p in component]
    box = [min(xs) * patch, min(ys) * patch, min((max(xs) + 1) * patch, width), min((max(ys) + 1) * patch, height)]
    return x, seed, labels, [int(p in component) for p in range(rows * columns)], box


def main():
    rng = np.random.default_rng(20220215)
    out, case = {}, 0
    shapes = [(4, 4, 16, 64, 64), (3, 5, 16, 40, 77), (6, 8, 8, 48, 61), (7, 7, 4, 25, 28), (12, 14, 16, 190, 224),
              (1, 6, 16, 9, 96), (9, 9, 2, 17, 18)]
    for rows, columns, patch, height, width in shapes:
        for tau, epsilon, binary in ((0.2, 1e-5, 1), (0.2, 1e-5, 0), (0.05, 1e-3, 1), (0.4, 0.01, 0)):
            found = None
            while found is None:
                # A blob, a background and noise.
                d = 6
                background, blob = rng.normal(size=d), rng.normal(size=d)
                y, x = np.mgrid[0:rows, 0:columns]
                cy, cx = rng.uniform(0, rows - 1), rng.uniform(0, columns - 1)
                inside = (y - cy) ** 2 + (x - cx) ** 2 < (0.35 * min(max(rows, 3), columns)) ** 2
                f = np.where(inside[..., None], blob, background) + rng.normal(size=(rows, columns, d)) * 0.7
                f = f.reshape(-1, d).astype(np.float32)
                found = tokencut(f, rows, columns, patch, height, width, tau, epsilon, binary)
            vector, seed, labels, mask, box = found
            name = f"case{case}"
            case += 1
            out[f"{name}/features"] = f
            out[f"{name}/sizes"] = np.array([rows, columns, patch, height, width, binary], np.int64)
            out[f"{name}/numbers"] = np.array([tau, epsilon], np.float32)
            out[f"{name}/eigenvector"] = vector.astype(np.float32)
            for key, v in (("seed", [seed]), ("components", labels), ("mask", mask), ("box", box)):
                out[f"{name}/{key}"] = np.array(v, np.int64)
    save_file(out, Path(__file__).parent / "cases.safetensors")
    print(case, "cases")


main()
