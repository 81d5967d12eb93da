#!/usr/bin/env python3
"""LOST by its five steps, written from the text alone (guidance by boxes in Self-Guided Diffusion, arXiv:2210.06462,
after arXiv:2109.14279), slowly and with NumPy. Writes cases.safetensors beside this file.

Needs: numpy, safetensors.    usage: make_fixtures.py
"""
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def lost(features, rows, columns, patch, candidates, height, width):
    f = features.astype(np.float64)
    n = len(f)
    similar = [[float(np.dot(f[p], f[q])) for q in range(n)] for p in range(n)]
    # Fixtures must not hang on a sign that rounding could turn.
    assert min(abs(similar[p][q]) for p in range(n) for q in range(n)) > 1e-4
    degree = [sum(similar[p][q] > 0 for q in range(n) if q != p) for p in range(n)]
    rank = sorted(range(n), key=lambda p: (degree[p], p))
    seed = rank[0]
    chosen = [s for s in rank[:candidates] if similar[seed][s] > 0]
    total = [sum(similar[s][q] for s in chosen) for q in range(n)]
    assert min(abs(t) for t in total) > 1e-4
    component = {seed}
    grown = True
    while grown:
        grown = False
        for p in range(n):
            r, c = divmod(p, columns)
            around = [(r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)]
            beside = any(0 <= a < rows and 0 <= b < columns and a * columns + b in component for a, b in around)
            if p not in component and total[p] > 0 and beside:
                component.add(p)
                grown = True
    ys, xs = [p // columns for p in component], [p % columns for p in component]
    box = [min(xs) * patch, min(ys) * patch, min((max(xs) + 1) * patch, width), min((max(ys) + 1) * patch, height)]
    return degree, seed, chosen, [int(p in component) for p in range(n)], box


def main():
    rng = np.random.default_rng(20221122)
    out = {}
    shapes = [(4, 4, 16, 64, 64), (3, 5, 16, 40, 77), (6, 8, 8, 48, 61), (7, 7, 4, 25, 28), (12, 14, 16, 190, 224),
              (1, 6, 16, 9, 96), (9, 9, 2, 17, 18)]
    for i, (rows, columns, patch, height, width) in enumerate(shapes):
        for j, candidates in enumerate((3, 20, 100)):
            # A blob on a background that mostly turns away from it, and noise.
            d = 6
            background, blob = rng.normal(size=d), rng.normal(size=d)
            y, x = np.mgrid[0:rows, 0:columns]
            cy, cx = rng.uniform(0, rows - 1), rng.uniform(0, columns - 1)
            inside = (y - cy) ** 2 + (x - cx) ** 2 < (0.35 * min(max(rows, 3), columns)) ** 2
            f = np.where(inside[..., None], blob, background - 0.4 * blob) + rng.normal(size=(rows, columns, d)) * 0.5
            f = f.reshape(-1, d).astype(np.float32)
            degree, seed, chosen, component, box = lost(f, rows, columns, patch, candidates, height, width)
            name = f"case{3 * i + j}"
            out[f"{name}/features"] = f
            out[f"{name}/sizes"] = np.array([rows, columns, patch, candidates, height, width], np.int64)
            for key, value in (("degree", degree), ("seed", [seed]), ("similar", chosen), ("component", component),
                               ("box", box)):
                out[f"{name}/{key}"] = np.array(value, np.int64)
    save_file(out, Path(__file__).parent / "cases.safetensors")


main()
